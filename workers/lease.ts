/** Leases: the tasks in a worker's hands, how far they are, and why they had to stop. */
import type { TaskBrief, TaskProgress } from '../kernel/contract/task.ts'

/** Why a task must stop: the kernel took it back, the worker goes, or it took longer than it may. */
export type LeaseEnd = 'lost' | 'drained' | 'timedOut'

/** The reason of an aborted task signal. */
export class LeaseEnded extends Error {
  override readonly name = 'LeaseEnded'
  readonly end: LeaseEnd

  constructor(end: LeaseEnd, taskId: string) {
    super(`Task ${taskId} must stop: ${end}`)
    this.end = end
  }
}

/** One task in hand. */
export class Lease {
  readonly brief: TaskBrief
  /** Name of the attempt's directory and log: `<task id>.<attempt>`. */
  readonly name: string
  /** Keys of the objects that the task has put into storage. */
  readonly published: string[] = []
  readonly #controller = new AbortController()
  #end: LeaseEnd | undefined
  #isDecided = false
  #progress: Omit<TaskProgress, 'taskId' | 'leaseToken'> = { fraction: 0 }

  constructor(brief: TaskBrief) {
    this.brief = brief
    // Ids are made of safe characters; this holds even if the kernel erred.
    this.name = `${brief.taskId}.${brief.attempt}`.replaceAll(/[^A-Za-z0-9_.-]/g, '_')
  }

  /** Aborted with a {@link LeaseEnded} when the task must stop. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get ended(): LeaseEnd | undefined {
    return this.#end
  }

  /** Stops the task. Only the first reason counts, except that a lost lease stays lost; none counts after {@link decide}. */
  stop(end: LeaseEnd): void {
    if (this.#isDecided || this.#end === 'lost') return
    if (this.#end !== undefined && end !== 'lost') return
    this.#end = end
    this.#controller.abort(new LeaseEnded(end, this.brief.taskId))
  }

  /**
   * From now on the outcome stands and is being reported. A heartbeat that crosses the report may call the lease lost because
   * the report was just accepted; so only the reply to the report counts.
   */
  decide(): void {
    this.#isDecided = true
  }

  /** Remembers how far the task is. Numbers that make no sense are left out. */
  advance(fraction: number, { fps, speed }: { fps?: number; speed?: number } = {}): void {
    const isSane = (value: number | undefined): value is number =>
      value !== undefined && Number.isFinite(value) && value >= 0
    this.#progress = {
      fraction: isSane(fraction) ? Math.min(1, fraction) : this.#progress.fraction,
      ...(isSane(fps) ? { fps } : {}),
      ...(isSane(speed) ? { speed } : {}),
    }
  }

  /** For the heartbeat. */
  get progress(): TaskProgress {
    const { taskId, leaseToken } = this.brief
    return { taskId, leaseToken, ...this.#progress }
  }
}

/** The leases of a worker, by token: a task that was lost may come back under a new one while the old run still ends. */
export class LeaseBook {
  readonly #leases = new Map<string, Lease>()

  get size(): number {
    return this.#leases.size
  }

  add(brief: TaskBrief): Lease {
    const lease = new Lease(brief)
    this.#leases.set(brief.leaseToken, lease)
    return lease
  }

  remove(lease: Lease): void {
    this.#leases.delete(lease.brief.leaseToken)
  }

  get(leaseToken: string): Lease | undefined {
    return this.#leases.get(leaseToken)
  }

  /** Leases that the kernel should renew: all but the lost ones. */
  live(): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.ended !== 'lost')
  }

  stopAll(end: LeaseEnd): void {
    for (const lease of this.#leases.values()) lease.stop(end)
  }
}
