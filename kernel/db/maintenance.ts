/** Vacuum and checkpoint of the embedded database, which has no background workers of its own. */
import { type Log } from '../log.ts'
import { messageOf } from '../errors.ts'

export interface MaintenanceSchedule {
  /** Milliseconds between two rounds, when anything was run. @default 300_000 */
  readonly everyMs: number
  /** Transactions after which a round comes early. @default 2_000 */
  readonly everyTransactions: number
}

export interface Maintenance {
  /** Counts a transaction. */
  count(): void
  /** Starts no further round; the statement that runs finishes. */
  stop(): void
}

/** Tables whose rows change or go often. */
const hotTables = ['actors', 'outbox', 'inbox', 'timers', 'tasks', 'jobs', 'audit_outbox']

/** Tables that rows leave when their time is over: without a vacuum, new ones would never get their room. */
const agingTables = [
  'event_log',
  'audit_events',
  'dead_letters',
  'idempotency_keys',
  'sessions',
  'workers',
  'plugin_instances',
]

/**
 * Plans rounds of `VACUUM (ANALYZE)` of each hot table, `VACUUM` of each aging one, then a `CHECKPOINT`. Each is a statement of its own,
 * so that other work gets its turn in between.
 * @param run - runs one statement outside any transaction
 */
export function startMaintenance(
  run: (statement: string) => Promise<void>,
  log: Log,
  { everyMs = 300_000, everyTransactions = 2_000 }: Partial<MaintenanceSchedule> = {},
): Maintenance {
  let transactions = 0
  let running = false
  let stopped = false

  const round = async () => {
    if (running || stopped || transactions === 0) return
    running = true
    transactions = 0
    try {
      for (const statement of vacuums) if (!stopped) await run(statement)
      if (!stopped) await run('CHECKPOINT')
    } catch (failure) {
      if (!stopped) log.warn('Maintenance of the database failed', { error: messageOf(failure) })
    } finally {
      running = false
    }
  }

  const timer = setInterval(() => void round(), everyMs)
  timer.unref()
  return {
    count() {
      transactions++
      if (transactions >= everyTransactions) void round()
    },
    stop() {
      stopped = true
      clearInterval(timer)
    },
  }
}

/** Bounded: they do not wait for locks, and leave truncation, which rewrites nothing useful, out. */
const vacuums = [
  ...hotTables.map((table) => `VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE false) ${table}`),
  ...agingTables.map((table) => `VACUUM (SKIP_LOCKED, TRUNCATE false) ${table}`),
]
