/** The committed rows of the in-memory store, and how a transaction's changes become rows. */
import type { Json } from '../../../kernel/contract/json.ts'
import type {
  BatchChanges,
  DeadLetter,
  EventKey,
  JobRow,
  LogEntry,
  OutboxEntry,
  StoredActor,
  TaskRow,
  TimerEntry,
  TimerFence,
  WorkerRow,
} from '../../../kernel/db/actor-store.ts'

/** Times are milliseconds since the epoch. */
export interface OutboxRow extends OutboxEntry {
  readonly order: number
  attempts: number
  dueAt: number
}

export interface TimerRow extends TimerEntry {
  readonly fireAt: number
}

export interface LeasedTask {
  readonly row: TaskRow
  leaseUntil: number | null
  readonly readyAt: number
  progress: number
}

/** Snapshots are kept as text, as a database does; what else the engine writes is frozen. */
export type ActorRow = Omit<StoredActor, 'snapshot'> & { readonly snapshotText: string }

export class MemoryTables {
  readonly actors = new Map<string, ActorRow>()
  /** `actorId\neventId` → when it was recorded. */
  readonly inbox = new Map<string, number>()
  readonly log = new Map<string, LogEntry[]>()
  readonly outbox = new Map<string, OutboxRow>()
  /** `actorId\nkey` → timer. */
  readonly timers = new Map<string, TimerRow>()
  readonly deadLetters = new Map<string, DeadLetter>()
  readonly jobs = new Map<string, JobRow>()
  readonly tasks = new Map<string, LeasedTask>()
  readonly workers = new Map<string, WorkerRow>()
  /** By owner; 1 where there is none. */
  readonly ownerWeights = new Map<string, number>()
  #order = 0

  readActor(id: string): StoredActor | undefined {
    const row = this.actors.get(id)
    if (row === undefined) return undefined
    const { snapshotText, ...rest } = row
    return { ...rest, snapshot: JSON.parse(snapshotText) as Json }
  }

  recordEvents(events: readonly EventKey[], nowMs: number): void {
    for (const key of events) this.inbox.set(inboxKey(key), nowMs)
  }

  consumeTimers(timers: readonly TimerFence[]): void {
    for (const timer of timers) {
      if (this.isSet(timer)) this.timers.delete(timerKey(timer))
    }
  }

  /** Whether exactly this timer is set. */
  isSet(timer: TimerFence): boolean {
    return this.timers.get(timerKey(timer))?.uid === timer.uid
  }

  apply(changes: BatchChanges, nowMs: number): void {
    for (const actor of [...changes.creates, ...changes.updates]) {
      this.actors.set(actor.id, rowFrom(actor))
    }
    for (const entry of changes.log) this.#appendLog(entry)
    for (const entry of changes.outbox) {
      this.outbox.set(entry.id, { ...entry, order: this.#order++, attempts: 0, dueAt: nowMs })
    }
    this.#applyTimers(changes, nowMs)
    for (const row of changes.jobs) this.jobs.set(row.id, row)
    for (const row of changes.workers) this.workers.set(row.id, row)
    for (const row of changes.tasks) {
      this.tasks.set(row.id, leasedFrom(row, this.tasks.get(row.id), nowMs))
    }
  }

  #appendLog(entry: LogEntry): void {
    const entries = this.log.get(entry.actorId)
    if (entries === undefined) this.log.set(entry.actorId, [entry])
    else entries.push(entry)
  }

  #applyTimers(changes: BatchChanges, nowMs: number): void {
    for (const timer of changes.timersCancelled) this.timers.delete(timerKey(timer))
    const cleared = new Set(changes.timersCleared)
    for (const [key, timer] of this.timers) {
      if (cleared.has(timer.actorId)) this.timers.delete(key)
    }
    for (const timer of changes.timersSet) {
      this.timers.set(timerKey(timer), { ...timer, fireAt: nowMs + timer.delayMs })
    }
  }
}

export function inboxKey({ actorId, eventId }: EventKey): string {
  return `${actorId}\n${eventId}`
}

export function timerKey(
  { actorId, key }: { readonly actorId: string; readonly key: string },
): string {
  return `${actorId}\n${key}`
}

function rowFrom({ snapshot, ...rest }: StoredActor): ActorRow {
  return { ...rest, snapshotText: JSON.stringify(snapshot) }
}

function leasedFrom(row: TaskRow, before: LeasedTask | undefined, nowMs: number): LeasedTask {
  const kept = before !== undefined && before.row.leaseToken === row.leaseToken
  return {
    row,
    leaseUntil: row.leaseToken === null ? null : kept ? before.leaseUntil : nowMs + row.leaseMs,
    readyAt: row.status === 'ready' && before?.row.status !== 'ready'
      ? nowMs
      : before?.readyAt ?? nowMs,
    progress: kept ? before.progress : 0,
  }
}
