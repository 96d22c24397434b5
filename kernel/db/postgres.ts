/** The PostgreSQL adapter of the database port: a pool of connections through postgres.js. */
import postgres from 'postgres'
import type { Log } from '../log.ts'
import type { Database, Statement, Writer } from './database.ts'
import { closedFailure, databaseFailure, StatementFailed, statementFailure } from './failure.ts'
import { WebEncodeError } from '../errors.ts'
import { plannerSettings } from './planner-settings.ts'
import { createTransactionGuard } from './transaction-guard.ts'
import { columnParsers, type RowValue, wireTextFrom } from './wire-values.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string
  /** Connections of the pool; one more is opened to listen. @default 10 */
  readonly maxConnections?: number
  readonly log: Log
}

/**
 * Milliseconds. A statement of ours takes a few; the limits end what a mistake or a lost client would keep for ever:
 * a query that never ends, a wait for a lock, a transaction whose client hangs.
 */
const timeouts = {
  statement_timeout: 60_000,
  lock_timeout: 15_000,
  idle_in_transaction_session_timeout: 30_000,
}

/** Longest pause between attempts to connect again; the driver's own 20 s would outlast most restarts. */
const maxReconnectSeconds = 1

/**
 * Connects to PostgreSQL 15 or newer.
 * @throws WE-SYS-002 when the server cannot be reached or refuses the user
 */
export async function openPostgres(
  { url, maxConnections = 10, log }: PostgresOptions,
): Promise<Database> {
  const pool = postgres(url, {
    max: maxConnections,
    connect_timeout: 10,
    fetch_types: false,
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, maxReconnectSeconds),
    types: wireTypes,
    connection: { application_name: 'webencode', TimeZone: 'UTC', ...timeouts, ...plannerSettings },
    onnotice: (notice) => log.debug('The database notes', { notice: notice['message'] }),
  })
  const database = postgresOver(pool)
  try {
    await pool.unsafe('SELECT 1')
  } catch (failure) {
    await pool.end({ timeout: 0 })
    throw databaseFailure('connect to the database', failure)
  }
  return database
}

type Pool = postgres.Sql<Record<never, never>>
/** The pool or one of its connections. */
type Runner = Pick<Pool, 'unsafe'>

function postgresOver(pool: Pool): Database {
  const guard = createTransactionGuard()
  const running = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const admit = async <T>(action: string, work: () => Promise<T>): Promise<T> => {
    guard.refuseInside(action)
    if (closing !== undefined) throw closedFailure()
    const run = work()
    running.add(run)
    return await run.finally(() => running.delete(run))
  }

  return {
    kind: 'postgres',
    query: <Row extends object>(statement: Statement) =>
      admit('query', () => run<Row>(pool, statement)),
    transaction: (work) =>
      admit('open a transaction', () => runTransaction(pool, guard.inside, work)),
    execute: (script) => admit('execute a script', () => runScript(pool, script)),
    listen: (channel, handler) =>
      admit('listen', async () => {
        const unlisten = await listen(pool, channel, handler)
        return async () => {
          if (closing === undefined) await unlisten()
        }
      }),
    close() {
      guard.refuseInside('close')
      // The driver itself would wait for ever for a connection that was cut, so it is only asked once nothing runs.
      closing ??= Promise.allSettled(running).then(() => pool.end({ timeout: 0 }))
      return closing
    },
  }
}

async function listen(
  pool: Pool,
  channel: string,
  handler: (payload: string) => void,
): Promise<() => Promise<void>> {
  try {
    return (await pool.listen(channel, handler)).unlisten
  } catch (failure) {
    throw databaseFailure(`listen on "${channel}"`, failure)
  }
}

async function run<Row extends object>(
  runner: Runner,
  { text, values }: Statement,
): Promise<Row[]> {
  try {
    const rows = await runner.unsafe<Row[]>(text, values.map(wireTextFrom), { prepare: true })
    return [...rows]
  } catch (failure) {
    throw failureFrom(failure, text)
  }
}

type Inside = <T>(work: () => Promise<T>) => Promise<T>

/**
 * The driver writes to a connection that is gone, and throws where nobody can catch it (porsager/postgres#1154), so
 * once a connection is lost nothing may be asked of it: no statement, no COMMIT, no ROLLBACK. Then the work's promise
 * never settles for the driver, which has already failed the transaction by itself.
 */
async function runTransaction<T>(
  pool: Pool,
  inside: Inside,
  work: (tx: Writer) => Promise<T>,
): Promise<T> {
  const state: TransactionState<T> = { isOver: false }
  try {
    await pool.begin(async (connection) => {
      try {
        state.result = await inside(() => work(writerOver(connection, state)))
        // A statement that failed aborted the transaction, whether or not the caller caught its error.
        if (state.firstFailure !== undefined) throw state.firstFailure
      } catch (failure) {
        state.workFailure ??= failure
      }
      if (state.isOver || isConnectionLost(state.firstFailure)) await never
      state.isOver = true
      if (state.workFailure !== undefined) throw state.workFailure
    })
  } catch (failure) {
    throw state.workFailure ?? failureFrom(failure, 'COMMIT')
  } finally {
    state.isOver = true
  }
  return state.result as T
}

interface TransactionState<T> {
  isOver: boolean
  result?: T
  firstFailure?: unknown
  workFailure?: unknown
}

const never = new Promise<never>(() => {})

function writerOver(connection: Runner, state: TransactionState<unknown>): Writer {
  return {
    inTransaction: true,
    async query<Row extends object>(statement: Statement) {
      if (isConnectionLost(state.firstFailure)) throw state.firstFailure
      if (state.isOver) throw new TypeError('Cannot query in a transaction that is over')
      try {
        return await run<Row>(connection, statement)
      } catch (failure) {
        state.firstFailure ??= failure
        throw failure
      }
    },
  }
}

async function runScript(pool: Pool, script: string): Promise<void> {
  const connection = await pool.reserve()
  try {
    await connection.unsafe(script).simple()
  } catch (cause) {
    const failure = failureFrom(cause, script)
    if (isConnectionLost(failure)) throw failure
    // The script may have opened a transaction; the connection goes back to the pool without it.
    await connection.unsafe('ROLLBACK').simple()
    connection.release()
    throw failure
  }
  connection.release()
}

/** Whether a failure came from the connection and not from the server's judgement of a statement. */
function isConnectionLost(failure: unknown): boolean {
  return failure instanceof WebEncodeError && !(failure.cause instanceof StatementFailed)
}

/** Errors of the server carry a SQLSTATE; those of the connection, a word such as CONNECTION_CLOSED. */
function failureFrom(failure: unknown, statement: string): unknown {
  if (failure instanceof postgres.PostgresError) {
    return statementFailure({
      message: failure.message,
      sqlState: failure.code,
      detail: failure.detail,
      constraint: failure.constraint_name,
    }, statement)
  }
  // A value of a row that cannot be read, not a failure of the database.
  if (failure instanceof RangeError || failure instanceof TypeError) return failure
  return databaseFailure('reach the database', failure)
}

/** Parameters are bound as the text that they already are, columns parsed as on the other driver. */
const wireTypes = Object.fromEntries(
  [...new Set([...Object.keys(columnParsers), 1082, 1114])].map((key) => {
    const id = Number(key)
    const parse = columnParsers[id] ?? ((text: string): RowValue => text)
    return [`type${id}`, { to: id, from: [id], serialize: (text: string) => text, parse }]
  }),
)
