/** The PostgreSQL adapter of the database port: a pool of connections through postgres.js. */
import postgres from 'postgres'
import type { Log } from '../log.ts'
import type { Database, Statement, Writer } from './database.ts'
import { closedFailure, databaseFailure, StatementFailed, statementFailure } from './failure.ts'
import { WebEncodeError } from '../errors.ts'
import { plannerSettings } from './planner-settings.ts'
import { type Pool, Pools } from './postgres-pools.ts'
import { createTransactionGuard } from './transaction-guard.ts'
import { columnParsers, type RowValue, wireTextFrom } from './wire-values.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string
  /** Connections of the pool; one more is opened to listen. @default 10 */
  readonly maxConnections?: number
  /** Milliseconds after which a statement without an answer means that the server is out of reach. @default 70_000 */
  readonly silentMs?: number
  readonly log: Log
}

/** Longer than the server lets a statement take. */
const defaultSilentMs = 70_000

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
  { url, maxConnections = 10, silentMs = defaultSilentMs, log }: PostgresOptions,
): Promise<Database> {
  const open = () => poolOf({ url, maxConnections, log })
  const pools = new Pools(open, silentMs, log)
  const database = postgresOver(pools)
  try {
    await pools.current.unsafe('SELECT 1')
  } catch (failure) {
    await pools.end()
    throw databaseFailure('connect to the database', failure)
  }
  return database
}

function poolOf({ url, maxConnections, log }: Required<Omit<PostgresOptions, 'silentMs'>>): Pool {
  return postgres(url, {
    max: maxConnections,
    connect_timeout: 10,
    fetch_types: false,
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, maxReconnectSeconds),
    types: wireTypes,
    connection: { application_name: 'webencode', TimeZone: 'UTC', ...timeouts, ...plannerSettings },
    onnotice: (notice) => log.debug('The database notes', { notice: notice['message'] }),
  })
}

/** The pool or one of its connections. */
type Runner = Pick<Pool, 'unsafe'>

function postgresOver(pools: Pools): Database {
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
      admit('query', () => run<Row>(pools, pools.current, statement)),
    transaction: (work) =>
      admit('open a transaction', () => runTransaction(pools, guard.inside, work)),
    execute: (script) => admit('execute a script', () => runScript(pools.current, script)),
    listen: (channel, handler) =>
      admit('listen', async () => {
        const unlisten = await listen(pools.current, channel, handler)
        return async () => {
          if (closing === undefined) await unlisten()
        }
      }),
    close() {
      guard.refuseInside('close')
      // The driver itself would wait for ever for a connection that was cut, so it is only asked once nothing runs.
      closing ??= Promise.allSettled(running).then(() => pools.end())
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

/** @param pool - in use, or of which `runner` is a connection */
async function run<Row extends object>(
  pools: Pools,
  pool: Pool,
  { text, values }: Statement,
  runner: Runner = pool,
): Promise<Row[]> {
  const answered = pools.watch(pool)
  try {
    const asked = runner.unsafe<Row[]>(text, values.map(wireTextFrom), { prepare: true })
    return [...await pools.untilGivenUp(pool, asked)]
  } catch (failure) {
    throw failureFrom(failure, text)
  } finally {
    answered()
  }
}

type Inside = <T>(work: () => Promise<T>) => Promise<T>

/**
 * The driver writes to a connection that is gone, and throws where nobody can catch it (porsager/postgres#1154), so
 * once a connection is lost nothing may be asked of it: no statement, no COMMIT, no ROLLBACK. Then the work's promise
 * never settles for the driver, which has already failed the transaction by itself.
 */
async function runTransaction<T>(
  pools: Pools,
  inside: Inside,
  work: (tx: Writer) => Promise<T>,
): Promise<T> {
  const pool = pools.current
  const state: TransactionState<T> = { isOver: false }
  // BEGIN; the statements are watched by themselves, and then the end is.
  let answered = pools.watch(pool)
  try {
    const begun = pool.begin(async (connection) => {
      answered()
      const query: Writer['query'] = (statement) => run(pools, pool, statement, connection)
      try {
        state.result = await inside(() => work(writerOver(query, state)))
        // A statement that failed aborted the transaction, whether or not the caller caught its error.
        if (state.firstFailure !== undefined) throw state.firstFailure
      } catch (failure) {
        state.workFailure ??= failure
      }
      if (state.isOver || isConnectionLost(state.firstFailure)) await never
      state.isOver = true
      answered = pools.watch(pool)
      if (state.workFailure !== undefined) throw state.workFailure
    })
    await pools.untilGivenUp(pool, begun)
  } catch (failure) {
    throw state.workFailure ?? failureFrom(failure, 'COMMIT')
  } finally {
    answered()
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

function writerOver(query: Writer['query'], state: TransactionState<unknown>): Writer {
  return {
    inTransaction: true,
    async query<Row extends object>(statement: Statement) {
      if (isConnectionLost(state.firstFailure)) throw state.firstFailure
      if (state.isOver) throw new TypeError('Cannot query in a transaction that is over')
      try {
        return await query<Row>(statement)
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
