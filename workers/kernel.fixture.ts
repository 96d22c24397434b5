/** A scripted kernel for tests of workers: it leases what it is given and remembers what it was told. */
import type { Bus, Subscription } from '../kernel/bus/bus.ts'
import { kernelSubjects } from '../kernel/bus/subjects.ts'
import type { Json } from '../kernel/contract/json.ts'
import type { TaskBrief } from '../kernel/contract/task.ts'
import type {
  ClaimRequest,
  HeartbeatRequest,
  JoinRequest,
  LeaveRequest,
  ReportReply,
  ReportRequest,
  WorkerCommand,
} from '../kernel/contract/worker.ts'

type Answer = (request: Json) => Promise<Json>

/** What was asked, by question. */
export interface Questions {
  join: JoinRequest[]
  claim: ClaimRequest[]
  heartbeat: HeartbeatRequest[]
  report: ReportRequest[]
  leave: LeaveRequest[]
}

export class ScriptedKernel {
  readonly asked: Questions = { join: [], claim: [], heartbeat: [], report: [], leave: [] }
  /** Tasks to lease, in order. */
  readonly ready: TaskBrief[] = []
  /** Task ids to call lost at the next heartbeat. */
  readonly lost = new Set<string>()
  /** Answers of single questions, instead of the usual ones; may throw. */
  readonly script: Partial<Record<keyof Questions, () => Promise<Json>>> = {}
  reportReply: ReportReply = { accepted: true }
  /** Said with every heartbeat and join. */
  command: WorkerCommand = 'work'
  /** Given at the next join with a token. */
  credential: string | undefined
  readonly #bus: Bus
  #subscriptions: Subscription[] = []
  #waiters: { isMet: () => boolean; resolve: () => void }[] = []

  constructor(bus: Bus) {
    this.#bus = bus
  }

  async start(): Promise<void> {
    await this.#answer('join', (request) => ({
      accepted: true,
      heartbeatMs: 5_000,
      leaseMs: 20_000,
      command: this.command,
      ...(this.credential !== undefined && (request as JoinRequest).joinToken !== undefined &&
        { credential: this.credential }),
    }))
    await this.#answer('claim', (request) => {
      const { limit } = request as ClaimRequest
      return { tasks: this.ready.splice(0, limit) as Json[] }
    })
    await this.#answer('heartbeat', () => ({
      lost: [...this.lost],
      command: this.command,
    }))
    await this.#answer('report', () => ({ ...this.reportReply }))
    await this.#answer('leave', () => ({ left: true }))
  }

  /** The kernel is gone: nobody answers. */
  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((each) => each.close()))
  }

  /** Resolves when `isMet`, looked at after every question that was answered. */
  async until(isMet: (asked: Questions) => boolean): Promise<void> {
    if (isMet(this.asked)) return
    await new Promise<void>((resolve) => {
      this.#waiters.push({ isMet: () => isMet(this.asked), resolve })
    })
  }

  async #answer(question: keyof Questions, usual: (request: Json) => Json): Promise<void> {
    const answer: Answer = async (request) => {
      const log: unknown[] = this.asked[question]
      log.push(request)
      setImmediate(() => this.#look())
      return await this.script[question]?.() ?? usual(request)
    }
    this.#subscriptions.push(await this.#bus.respond(kernelSubjects[question], answer))
  }

  #look(): void {
    const met = this.#waiters.filter(({ isMet }) => isMet())
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve()
  }
}
