/** The embedded adapter of the database port: PGlite in a thread, one connection, a locked directory. */
import type { Log } from '../log.ts'
import type { Database, Statement, Writer } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { closedFailure } from './failure.ts'
import { type MaintenanceSchedule, startMaintenance } from './maintenance.ts'
import { connectPglite, type PgliteConnection } from './pglite-connection.ts'
import { prepareDataDirectory } from './pglite-directory.ts'
import type { WireRows } from './pglite-messages.ts'
import { createTransactionGuard } from './transaction-guard.ts'
import { createTurns } from './turns.ts'
import { rowValueFrom, wireTextFrom } from './wire-values.ts'

export interface PgliteOptions {
  /** Directory of the database, made when missing; null: in memory. One process at a time. */
  readonly directory: string | null
  /** Gzipped tar of a migrated database to start the first time from; without it that takes some seconds longer. */
  readonly template?: string
  readonly log: Log
  /** When to vacuum; see {@link MaintenanceSchedule}. */
  readonly maintenance?: Partial<MaintenanceSchedule>
}

/**
 * Opens the embedded database. It survives the death of the process, not a power loss: PGlite never calls fsync.
 * @throws WE-SYS-002 when another process uses the directory, or the server does not start
 */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const { directory, template = null, log } = options
  if (directory === null) {
    return pgliteOver(await connectPglite({ dataDirectory: null, template }), options)
  }
  const lock = await lockDirectory(directory)
  try {
    const dataDirectory = await prepareDataDirectory(directory, template, log)
    const connection = await connectPglite({ dataDirectory, template: null })
    return pgliteOver(connection, options, () => lock.release())
  } catch (failure) {
    await lock.release()
    throw failure
  }
}

/** The port over a connection that nothing else uses. @param onClosed - called after the connection closed */
export function pgliteOver(
  connection: PgliteConnection,
  { log, maintenance }: Pick<PgliteOptions, 'log' | 'maintenance'>,
  onClosed: () => Promise<void> = async () => {},
): Database {
  const guard = createTransactionGuard()
  const turns = createTurns()
  const handlers = new Map<string, Set<(payload: string) => void>>()
  let closing: Promise<void> | undefined

  const inTurn = <T>(action: string, work: () => Promise<T>): Promise<T> => {
    guard.refuseInside(action)
    return closing === undefined ? turns.take(work) : Promise.reject(closedFailure())
  }
  const housekeeping = startMaintenance(
    (statement) => inTurn('tidy up', () => connection.script(statement)),
    log,
    maintenance,
  )
  connection.onNotification((channel, payload) =>
    handlers.get(channel)?.forEach((handler) => handler(payload))
  )

  return {
    kind: 'pglite',
    async query<Row extends object>(statement: Statement) {
      const result = await inTurn(
        'query',
        () => connection.query(statement.text, statement.values.map(wireTextFrom), false),
      )
      housekeeping.count()
      return rowsFrom<Row>(result)
    },
    async transaction(work) {
      const result = await inTurn(
        'open a transaction',
        () => runTransaction(connection, guard.inside, work),
      )
      housekeeping.count()
      return result
    },
    async execute(script) {
      await inTurn('execute a script', () => connection.script(script))
    },
    async listen(channel, handler) {
      const listeners = handlers.get(channel) ?? new Set()
      handlers.set(channel, listeners.add(handler))
      await inTurn('listen', () => connection.script(`LISTEN ${quoted(channel)}`))
      return async () => {
        listeners.delete(handler)
        if (listeners.size > 0 || closing !== undefined) return
        await inTurn('stop listening', () => connection.script(`UNLISTEN ${quoted(channel)}`))
      }
    },
    close() {
      guard.refuseInside('close')
      closing ??= turns.take(async () => {
        housekeeping.stop()
        try {
          await connection.close()
        } finally {
          await onClosed()
        }
      })
      return closing
    },
  }
}

type Inside = <T>(work: () => Promise<T>) => Promise<T>

async function runTransaction<T>(
  connection: PgliteConnection,
  inside: Inside,
  work: (tx: Writer) => Promise<T>,
): Promise<T> {
  let state: 'unused' | 'begun' | 'over' = 'unused'
  let firstFailure: unknown
  const writer: Writer = {
    inTransaction: true,
    async query<Row extends object>(statement: Statement) {
      if (state === 'over') throw new TypeError('Cannot query in a transaction that is over')
      const begin = state === 'unused'
      state = 'begun'
      try {
        return rowsFrom<Row>(
          await connection.query(statement.text, statement.values.map(wireTextFrom), begin),
        )
      } catch (failure) {
        firstFailure ??= failure
        throw failure
      }
    },
  }
  const end = async (how: 'COMMIT' | 'ROLLBACK') => {
    const wasBegun = state === 'begun'
    state = 'over'
    if (wasBegun) await connection.script(how)
  }
  try {
    const result = await inside(() => work(writer))
    // A statement that failed aborted the transaction, whether or not the caller caught its error.
    if (firstFailure !== undefined) throw firstFailure
    await end('COMMIT')
    return result
  } catch (failure) {
    await end('ROLLBACK')
    throw failure
  }
}

function rowsFrom<Row extends object>({ columns, rows }: WireRows): Row[] {
  return rows.map((row) =>
    Object.fromEntries(
      columns.map((column, i) => [column.name, rowValueFrom(row[i] ?? null, column.typeId)]),
    ) as Row
  )
}

function quoted(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
