/** An actor store in memory, with the semantics of a database: isolation, locks, rollback. */
import type { Clock } from '../../../kernel/clock.ts'
import type { ActorStore, ActorTransaction, LeaseFence } from '../../../kernel/db/actor-store.ts'
import { MemoryLocks } from './memory-locks.ts'
import { type LeasedTask, MemoryTables, type OutboxRow } from './memory-tables.ts'
import { type CommitFacts, MemoryTransaction } from './memory-transaction.ts'

export interface MemoryStore extends ActorStore {
  readonly tables: MemoryTables
  /** A transaction whose end the caller decides. */
  begin(): MemoryTransaction
  /** Commits and tells the watcher. */
  commit(tx: MemoryTransaction): void
}

export interface MemoryStoreOptions {
  /** The database clock. */
  readonly clock: Pick<Clock, 'now'>
  /** @default real ones */
  readonly locks?: MemoryLocks
  /** Hears of every commit, after it. */
  readonly onCommit?: (facts: CommitFacts) => void
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { clock, locks = new MemoryLocks(), onCommit = () => {} } = options
  const tables = new MemoryTables()
  const begin = () => new MemoryTransaction({ tables, locks, now: clock.now })
  const commit = (tx: MemoryTransaction) => onCommit(tx.commit())
  return {
    tables,
    begin,
    commit,
    concurrency: 1,
    transaction: (work) => runTransaction({ begin, commit }, work),
    ...effectQueries(tables, clock),
    ...timerQueries(tables, clock),
    ...leaseQueries(tables, clock),
    ...recordQueries(tables, clock),
  }
}

async function runTransaction<T>(
  { begin, commit }: Pick<MemoryStore, 'begin' | 'commit'>,
  work: (tx: ActorTransaction) => Promise<T>,
): Promise<T> {
  const tx = begin()
  try {
    const result = await work(tx)
    commit(tx)
    return result
  } catch (failure) {
    tx.rollback()
    throw failure
  }
}

type Now = Pick<Clock, 'now'>

function effectQueries(
  tables: MemoryTables,
  { now }: Now,
): Pick<ActorStore, 'takeOutbox' | 'deleteOutbox' | 'postponeOutbox'> {
  return {
    async takeOutbox(limit, hideMs) {
      const due = [...tables.outbox.values()].filter(({ dueAt }) => dueAt <= now())
      const taken = due.toSorted((a, b) => a.dueAt - b.dueAt || a.order - b.order).slice(0, limit)
      for (const row of taken) row.dueAt = now() + hideMs
      return taken.map(({ id, name, params, attempts }: OutboxRow) => ({
        id,
        name,
        params,
        attempts,
      }))
    },
    async deleteOutbox(ids) {
      for (const id of ids) tables.outbox.delete(id)
    },
    async postponeOutbox(ids, delayMs) {
      for (const row of ids.map((id) => tables.outbox.get(id)).filter((one) => one !== undefined)) {
        row.attempts += 1
        row.dueAt = now() + delayMs
      }
    },
  }
}

function timerQueries(
  tables: MemoryTables,
  { now }: Now,
): Pick<ActorStore, 'listDueTimers' | 'nextTimerMs'> {
  return {
    async listDueTimers(limit) {
      const due = [...tables.timers.values()].filter(({ fireAt }) => fireAt <= now())
      return due.toSorted((a, b) => a.fireAt - b.fireAt).slice(0, limit)
        .map(({ actorId, key, uid, event }) => ({ actorId, key, uid, event }))
    },
    async nextTimerMs() {
      const fireAt = [...tables.timers.values()].reduce(
        (least, timer) => Math.min(least, timer.fireAt),
        Infinity,
      )
      return Number.isFinite(fireAt) ? Math.max(0, fireAt - now()) : null
    },
  }
}

function leaseQueries(
  tables: MemoryTables,
  { now }: Now,
): Pick<
  ActorStore,
  'listExpiredLeases' | 'listStaleReady' | 'listWorkerLeases' | 'listTaskIds' | 'renewLeases'
> {
  const tasks = () => [...tables.tasks.values()]
  return {
    async listExpiredLeases(limit) {
      const expired = tasks().filter(({ leaseUntil }) => leaseUntil !== null && leaseUntil <= now())
      return expired.slice(0, limit).map(leaseOf)
    },
    async listStaleReady(olderThanMs, limit) {
      const stale = tasks().filter(({ row, readyAt }) =>
        row.status === 'ready' && readyAt <= now() - olderThanMs
      )
      return stale.slice(0, limit).map(({ row: { id, lane, region } }) => ({
        taskId: id,
        lane,
        region,
      }))
    },
    async listWorkerLeases(workerId) {
      return tasks().filter(({ row, leaseUntil }) =>
        row.workerId === workerId && leaseUntil !== null
      ).map(leaseOf)
    },
    async listTaskIds(jobId) {
      return tasks().filter(({ row }) => row.jobId === jobId).map(({ row }) => row.id).toSorted()
    },
    async renewLeases(workerId, leases, leaseMs) {
      return leases.filter(({ taskId, leaseToken, fraction }) => {
        const task = tables.tasks.get(taskId)
        if (task?.row.leaseToken !== leaseToken || task.row.workerId !== workerId) return true
        task.leaseUntil = now() + leaseMs
        task.progress = fraction
        return false
      }).map(({ taskId, leaseToken }) => ({ taskId, leaseToken }))
    },
  }
}

function leaseOf({ row }: LeasedTask): LeaseFence {
  return { taskId: row.id, leaseToken: row.leaseToken ?? '' }
}

function recordQueries(
  tables: MemoryTables,
  { now }: Now,
): Pick<
  ActorStore,
  'quarantine' | 'listDeadLetters' | 'deleteDeadLetter' | 'readActor' | 'readLog' | 'pruneInbox'
> {
  return {
    async quarantine(letters) {
      for (const letter of letters) tables.deadLetters.set(letter.id, structuredClone(letter))
    },
    async listDeadLetters(limit) {
      return [...tables.deadLetters.values()].slice(0, limit)
    },
    async deleteDeadLetter(id) {
      tables.deadLetters.delete(id)
    },
    async readActor(id) {
      return tables.readActor(id)
    },
    async readLog(actorId) {
      return tables.log.get(actorId) ?? []
    },
    async pruneInbox(olderThanMs) {
      const old = [...tables.inbox].filter(([, at]) => at < now() - olderThanMs)
      for (const [key] of old) tables.inbox.delete(key)
      return old.length
    },
  }
}
