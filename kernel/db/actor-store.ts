/** The store of the actor engine: what one transaction of the engine reads and writes. Implemented in SQL and, for the simulation, in memory. */
import type { Json } from '../contract/json.ts'
import type { Lane } from '../contract/task.ts'
import type { Pillar, PluginState } from '../contract/plugin.ts'
import type { WorkerCommand } from '../contract/worker.ts'

export interface StoredActor {
  readonly id: string
  readonly type: string
  readonly machineVersion: number
  readonly format: 'xstate5'
  /** 0 after creation; plus one for each applied event. */
  readonly version: number
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly snapshot: Json
}

export interface EventKey {
  readonly actorId: string
  readonly eventId: string
}

/** A timer that must still be set, exactly this one, for its event to count. */
export interface TimerFence {
  readonly actorId: string
  readonly key: string
  readonly uid: string
}

/** A lease that must have run out by the database clock for its expiry event to count. */
export interface LeaseFence {
  readonly taskId: string
  readonly leaseToken: string
}

/** What a batch needs to see before its transitions. */
export interface BatchRequest {
  /** Actors to lock and read. */
  readonly actorIds: readonly string[]
  /** Event ids to record in the inbox. */
  readonly events: readonly EventKey[]
  readonly timers: readonly TimerFence[]
  readonly expiredLeases: readonly LeaseFence[]
}

export interface BatchState {
  readonly actors: ReadonlyMap<string, StoredActor>
  /** Events that were not in the inbox before, as `actorId\neventId`. */
  readonly fresh: ReadonlySet<string>
  /** Timers that were set and are now consumed, as `actorId\nkey\nuid`. */
  readonly fired: ReadonlySet<string>
  /** Leases that have run out, as `taskId\nleaseToken`. */
  readonly expired: ReadonlySet<string>
  /** The database clock, milliseconds since the epoch. */
  readonly nowMs: number
}

export interface LogEntry {
  readonly actorId: string
  readonly version: number
  readonly eventId: string
  readonly event: Json
}

export interface OutboxEntry {
  /** `actorId:version:index`. */
  readonly id: string
  readonly name: string
  readonly params: Json
}

export interface TimerEntry {
  readonly actorId: string
  readonly key: string
  readonly uid: string
  readonly delayMs: number
  readonly event: Json
}

/** The row of `tasks` as the machine knows it; times are set by the database. */
export interface TaskRow {
  readonly id: string
  readonly jobId: string
  readonly kind: string
  readonly index: number
  readonly params: Json
  readonly startSeconds: number
  readonly endSeconds: number
  readonly weight: number
  readonly status: 'ready' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled'
  readonly lane: Lane
  /** The encoder of video that it needs (`libx264`); empty where any will do. */
  readonly videoCodec: string
  readonly region: string
  readonly priority: number
  /** When it should be done, ISO 8601. */
  readonly deadline: string | null
  readonly owner: string
  readonly attempt: number
  readonly maxAttempts: number
  readonly avoidWorkerId: string | null
  readonly workerId: string | null
  /** A new token starts a new lease of `leaseMs`; the same token leaves `lease_until` as it is; null ends it. */
  readonly leaseToken: string | null
  readonly leaseMs: number
  readonly result: Json
  readonly outputKey: string | null
  readonly outputSizeBytes: number | null
  readonly error: Json
  /** The chunk that this one encodes a second time; null for a task of its own. */
  readonly hedgeOf: string | null
}

/** The row of `jobs` as the machine knows it. `started_at`/`finished_at` follow from the status. */
export interface JobRow {
  readonly id: string
  readonly userId: string
  readonly sourceType: string
  readonly sourceUrl: string
  readonly profileId: string
  readonly profile: Json
  readonly priority: number
  /** When it should be done, ISO 8601. */
  readonly deadline: string | null
  readonly status: string
  readonly phase: string
  readonly tasksTotal: number
  readonly tasksCompleted: number
  readonly error: Json
  readonly retryOf: string | null
  readonly plan: Json
  readonly outputs: Json
  readonly report: Json
  readonly correlationId: string
}

/** The row of `workers` as the machine knows it. */
export interface WorkerRow {
  readonly id: string
  readonly session: string
  readonly hostname: string
  readonly region: string
  readonly version: string
  readonly capabilities: Json
  readonly status: string
  readonly command: WorkerCommand
}

/** One process that a plugin should have in its kernel. */
export interface PluginProcess {
  readonly run: number
  readonly version: string
  /** `shadow`: tests itself before it takes over; `standby`: waits to take over again. */
  readonly role: 'current' | 'shadow' | 'standby'
  /** It shook hands. */
  readonly isStarted: boolean
}

/** The row of `plugin_instances` as the machine knows it: a plugin in one kernel. */
export interface PluginRow {
  readonly actorId: string
  readonly pluginId: string
  readonly kernelId: string
  readonly pillar: Pillar
  readonly state: PluginState
  readonly version: string
  /** Of the row of `plugin_configs` that the actor follows. */
  readonly revision: number
  readonly run: number
  readonly restarts: number
  readonly problem: string | null
  readonly disabledBy: string | null
  readonly upgrade: Json
  readonly processes: readonly PluginProcess[]
}

/** Everything a batch writes, in one statement or few. Actors in `updates` carry the new version. */
export interface BatchChanges {
  readonly creates: readonly StoredActor[]
  readonly updates: readonly StoredActor[]
  readonly log: readonly LogEntry[]
  readonly outbox: readonly OutboxEntry[]
  readonly timersSet: readonly TimerEntry[]
  readonly timersCancelled: readonly { readonly actorId: string; readonly key: string }[]
  /** Actors that are no longer active: all their timers go. */
  readonly timersCleared: readonly string[]
  readonly jobs: readonly JobRow[]
  readonly tasks: readonly TaskRow[]
  readonly workers: readonly WorkerRow[]
  readonly plugins: readonly PluginRow[]
}

/** What one worker asks for. */
export interface ReadyRequest {
  readonly workerId: string
  /** Where it is given, the worker's row must bear it: another process of that name gets nothing. */
  readonly session?: string
  readonly lanes: readonly Lane[]
  readonly region: string
  /** Tasks that it has room for, 1 or more. */
  readonly limit: number
}

/** One transaction of the engine. Calls are made one after the other. */
export interface ActorTransaction {
  /** Locks (in id order), reads, records inbox rows and consumes timers. May be called more than once. */
  open(request: BatchRequest): Promise<BatchState>
  /**
   * Picks and locks the best ready tasks for each request, in the order of `claim-order.ts`; never waits for what others
   * hold. A worker that drains or is offline gets nothing.
   * @param except - ids that are left out
   * @returns the ids of each request, best first
   */
  pickReady(
    requests: readonly ReadyRequest[],
    except?: ReadonlySet<string>,
  ): Promise<readonly (readonly string[])[]>
  /** @throws when a created actor exists already (caller opens it first) */
  write(changes: BatchChanges): Promise<void>
}

export interface DueTimer extends TimerFence {
  readonly event: Json
}

export interface DeadLetter {
  readonly id: string
  readonly kind: 'event' | 'effect'
  readonly actorId: string | null
  readonly payload: Json
  readonly error: string
}

export interface ActorStore {
  /** Transactions that it can run side by side, 1 or more: with one connection they only wait for each other. */
  readonly concurrency: number

  transaction<T>(work: (tx: ActorTransaction) => Promise<T>): Promise<T>

  /** Outbox rows that are due, oldest first. Does not hide them from other relays for longer than `hideMs`. */
  takeOutbox(
    limit: number,
    hideMs: number,
  ): Promise<readonly (OutboxEntry & { readonly attempts: number })[]>
  deleteOutbox(ids: readonly string[]): Promise<void>
  /** Makes rows due again after `delayMs`, counting an attempt. */
  postponeOutbox(ids: readonly string[], delayMs: number): Promise<void>

  listDueTimers(limit: number): Promise<readonly DueTimer[]>
  /** Milliseconds until the next timer; null without one; 0 when overdue. */
  nextTimerMs(): Promise<number | null>
  listExpiredLeases(limit: number): Promise<readonly LeaseFence[]>
  /** Ready tasks that have waited longer than `olderThanMs`: their doorbell may be lost. */
  listStaleReady(
    olderThanMs: number,
    limit: number,
  ): Promise<readonly { readonly taskId: string; readonly lane: Lane; readonly region: string }[]>
  /** Leases that this worker holds. */
  listWorkerLeases(workerId: string): Promise<readonly LeaseFence[]>
  /** Ids of a job's tasks. */
  listTaskIds(jobId: string): Promise<readonly string[]>
  /**
   * Renews leases and stores progress; refreshes the progress of the jobs concerned.
   * @returns the pairs that are no longer valid
   */
  renewLeases(
    workerId: string,
    leases: readonly (LeaseFence & {
      readonly fraction: number
      readonly fps: number | null
      readonly speed: number | null
    })[],
    leaseMs: number,
  ): Promise<readonly LeaseFence[]>

  quarantine(letters: readonly DeadLetter[]): Promise<void>
  listDeadLetters(limit: number): Promise<readonly DeadLetter[]>
  deleteDeadLetter(id: string): Promise<void>

  readActor(id: string): Promise<StoredActor | undefined>
  readLog(actorId: string): Promise<readonly LogEntry[]>
  /** Deletes inbox rows older than this. @returns how many */
  pruneInbox(olderThanMs: number): Promise<number>
}
