/** The worker's agent: joins the kernel, claims tasks while there is room, runs them and reports. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus, Subscription } from '../kernel/bus/bus.ts'
import { dispatchSubject, interruptSubject } from '../kernel/bus/subjects.ts'
import type { EncoderEngine } from '../kernel/contract/encoder.ts'
import type { TaskBrief } from '../kernel/contract/task.ts'
import { interruptSchema, type WorkerCapabilities } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'
import { Claims } from './claims.ts'
import { Heartbeat } from './heartbeat.ts'
import { createKernelLink, isForgotten, type KernelLink } from './kernel-link.ts'
import { type Lease, LeaseBook } from './lease.ts'
import { Membership } from './membership.ts'
import { type ReportFate, reportOutcome } from './report.ts'
import { TaskLog } from './task-log.ts'
import { runTask, type TaskOutcome, type TaskTools } from './task-run.ts'
import { createUsageMeter, type Usage } from './usage.ts'

/** After the tasks were given back, their reports have this long to reach the kernel. */
const lastReportsMs = 5_000

export interface AgentOptions extends TaskTools {
  readonly bus: Bus
  /** Stays the same over restarts, so that the kernel can free what a former life held. */
  readonly workerId: string
  readonly hostname: string
  /** Version of the product. */
  readonly version: string
  readonly region: string
  /** For {@link createObjectQuestions}, which needs the same; new for every life of the process. @default a new one */
  readonly session?: string
  /** Slots and lanes included. */
  readonly capabilities: WorkerCapabilities
  /** @default a meter of the machine */
  readonly readUsage?: () => Usage
  /** Called whenever the agent's numbers changed. */
  readonly onChange?: (stats: AgentStats) => void
}

export interface AgentStats {
  readonly state: 'idle' | 'joining' | 'working' | 'draining' | 'stopped'
  readonly slots: number
  /** Tasks in hand, those being reported included. */
  readonly running: number
  /** Encoder processes now. */
  readonly processes: number
  /** Since the start; so are those below. */
  readonly claimed: number
  readonly finished: number
  readonly failed: number
  readonly released: number
  readonly lost: number
}

export interface Agent {
  /**
   * Empties the work directory of what a former life left, then begins to join. Resolves before the kernel has answered: it may
   * not be there yet. The encoder must have ended its own leftovers before.
   */
  start(): Promise<void>
  /** Claims no more, waits up to `timeoutMs` for the tasks in hand, gives the rest back, and leaves. */
  drain(timeoutMs: number): Promise<void>
  /** Gives every task back at once, and leaves. */
  stop(): Promise<void>
  stats(): AgentStats
}

/** Creates an agent; it does nothing until it is started. */
export function createAgent(options: AgentOptions): Agent {
  return new WorkerAgent(options)
}

class WorkerAgent implements Agent {
  readonly #options: AgentOptions
  readonly #tools: TaskTools
  readonly #log: Log
  readonly #link: KernelLink
  readonly #membership: Membership
  readonly #claims: Claims
  readonly #heartbeat: Heartbeat
  readonly #readUsage: () => Usage
  readonly #leases = new LeaseBook()
  readonly #runs = new Set<Promise<void>>()
  readonly #counts = { claimed: 0, finished: 0, failed: 0, released: 0, lost: 0 }
  /** Ends the retries of reports. */
  readonly #closing = new AbortController()
  #state: AgentStats['state'] = 'idle'
  #processes = 0
  #interrupts: Subscription | undefined
  #doorbells: Subscription[] = []
  #waitersForRoom: (() => void)[] = []
  #draining: Promise<void> | undefined
  #deadlines: (() => void)[] = []

  constructor(options: AgentOptions) {
    const { bus, clock, workerId, hostname, version, region, capabilities } = options
    this.#options = options
    this.#log = options.log.child({ component: 'worker', worker_id: workerId })
    this.#tools = { ...options, encoder: this.#counted(options.encoder), log: this.#log }
    this.#link = createKernelLink(bus)
    this.#membership = new Membership({
      link: this.#link,
      clock,
      log: this.#log,
      worker: { workerId, hostname, version, region, capabilities },
      ...(options.session !== undefined && { session: options.session }),
      onJoined: ({ heartbeatMs }) => this.#begin(heartbeatMs),
    })
    this.#claims = new Claims({
      clock,
      room: () => this.#state === 'working' ? this.#room : 0,
      claim: (limit) => this.#claim(limit),
      take: (brief) => this.#take(brief),
    })
    this.#heartbeat = new Heartbeat(clock, () => this.#beat())
    this.#readUsage = options.readUsage ?? createUsageMeter()
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') throw new TypeError(`Cannot start an agent that is ${this.#state}`)
    this.#enter('joining')
    const { bus, workerId, region, workDirectory, capabilities } = this.#options
    await rm(workDirectory, { recursive: true, force: true, maxRetries: 3 })
    await mkdir(workDirectory, { recursive: true })
    const subject = interruptSubject(workerId)
    this.#interrupts = await bus.subscribe(subject, ({ data }) => this.#interrupt(data))
    for (const lane of capabilities.lanes) {
      const filter = dispatchSubject(region, lane)
      const name = filter.replaceAll('.', '-')
      this.#doorbells.push(await bus.consume({ filter, name }, () => this.#answerDoorbell()))
    }
    this.#membership.join()
  }

  drain(timeoutMs: number): Promise<void> {
    const { clock } = this.#options
    this.#draining ??= this.#leave()
    this.#deadlines.push(
      clock.after(timeoutMs, () => this.#leases.stopAll('drained')),
      clock.after(timeoutMs + lastReportsMs, () => this.#closing.abort()),
    )
    return this.#draining
  }

  stop(): Promise<void> {
    return this.drain(0)
  }

  stats(): AgentStats {
    return {
      state: this.#state,
      slots: this.#options.capabilities.slots,
      running: this.#leases.size,
      processes: this.#processes,
      ...this.#counts,
    }
  }

  #enter(state: AgentStats['state']): void {
    this.#state = state
    this.#changed()
  }

  #changed(): void {
    this.#options.onChange?.(this.stats())
  }

  #begin(heartbeatMs: number): void {
    this.#log.info('joined the kernel', { heartbeatMs })
    this.#enter('working')
    this.#heartbeat.start(heartbeatMs)
    this.#claims.start()
  }

  /** The kernel forgot this session. Tasks go on: the next heartbeat tells which of them are lost. */
  #rejoinIfForgotten(failure: unknown): void {
    if (!isForgotten(failure) || this.#state !== 'working') return
    this.#heartbeat.stop()
    this.#claims.stop()
    this.#enter('joining')
    this.#membership.join()
  }

  get #room(): number {
    return this.#options.capabilities.slots - this.#leases.size
  }

  /** Keeps the doorbell until there is room for its task, so that the next ones go to other workers. */
  async #answerDoorbell(): Promise<void> {
    while (this.#room <= 0 && this.#draining === undefined) {
      await new Promise<void>((resolve) => this.#waitersForRoom.push(resolve))
    }
    if (this.#draining !== undefined) throw new Error('this worker is leaving')
    this.#claims.ring()
  }

  async #claim(limit: number): Promise<readonly TaskBrief[]> {
    const { workerId, region, capabilities: { lanes } } = this.#options
    const { session } = this.#membership
    try {
      return (await this.#link.claim({ workerId, session, lanes, region, limit })).tasks
    } catch (error) {
      this.#log.warn('cannot claim tasks', { error })
      this.#rejoinIfForgotten(error)
      return []
    }
  }

  #take(brief: TaskBrief): void {
    const lease = this.#leases.add(brief)
    this.#counts.claimed++
    if (this.#draining !== undefined) lease.stop('drained')
    const run = this.#runAndReport(lease)
      .catch((error: unknown) => {
        this.#log.error('a task broke the agent', { task_id: brief.taskId, error })
      })
      .finally(() => {
        this.#leases.remove(lease)
        this.#runs.delete(run)
        this.#changed()
        this.#wakeDoorbells()
        this.#claims.ring()
      })
    this.#runs.add(run)
    this.#changed()
  }

  #wakeDoorbells(): void {
    for (const wake of this.#waitersForRoom.splice(0)) wake()
  }

  async #runAndReport(lease: Lease): Promise<void> {
    const { brief } = lease
    const taskLog = new TaskLog(() => this.#options.clock.now())
    taskLog.record(`Attempt ${brief.attempt} on ${this.#options.workerId}`)
    const outcome = await runTask(lease, this.#tools, taskLog, () => this.#heartbeat.hasten())
    this.#counts[outcome.status]++
    this.#changed()
    if (outcome.status === 'lost') return await this.#discard(lease, 'the lease was lost')
    lease.decide()
    taskLog.record(endOf(outcome))
    const [fate] = await Promise.all([this.#report(brief, outcome), this.#keepLog(lease, taskLog)])
    if (fate === 'refused') await this.#discard(lease, 'the report was refused')
    else if (outcome.status !== 'finished') await this.#discard(lease, `it ${outcome.status}`)
  }

  #report(
    { taskId, leaseToken }: TaskBrief,
    outcome: Exclude<TaskOutcome, { status: 'lost' }>,
  ): Promise<ReportFate> {
    const { workerId, clock } = this.#options
    const tools = { link: this.#link, clock, log: this.#log, signal: this.#closing.signal }
    return reportOutcome({ workerId, taskId, leaseToken, outcome }, tools)
  }

  /** Deletes what a task had published and nobody will use. */
  async #discard({ brief, published }: Lease, reason: string): Promise<void> {
    const { taskId, leaseToken } = brief
    const lease = { taskId, leaseToken, signal: this.#closing.signal }
    for (const key of published) {
      this.#log.info('deleting an output that nobody will use', { task_id: taskId, key, reason })
      await this.#options.objects.remove(key, lease).catch((error: unknown) => {
        this.#log.warn('cannot delete an output', { key, error })
      })
    }
  }

  /** Puts the log where people can read it. A log that cannot be kept is no reason to fail a task. */
  async #keepLog({ brief, name }: Lease, { text }: TaskLog): Promise<void> {
    const file = join(this.#options.workDirectory, `${name}.log`)
    const key = `jobs/${brief.jobId}/logs/${name}.log`
    const { taskId, leaseToken } = brief
    const lease = { taskId, leaseToken, signal: this.#closing.signal }
    try {
      await writeFile(file, text)
      await this.#options.objects.put(key, file, 'text/plain; charset=utf-8', lease)
      await rm(file)
    } catch (error) {
      this.#log.warn('cannot keep the log of a task', { task_id: brief.taskId, error })
    }
  }

  async #beat(): Promise<void> {
    const leases = this.#leases.live()
    const { workerId } = this.#options
    try {
      const { lost } = await this.#link.heartbeat({
        workerId,
        session: this.#membership.session,
        progress: leases.map((lease) => lease.progress),
        usage: { ...this.#readUsage(), processes: this.#processes },
      })
      for (const lease of leases) if (lost.includes(lease.brief.taskId)) lease.stop('lost')
    } catch (error) {
      this.#log.warn('a heartbeat did not reach the kernel', { error })
      this.#rejoinIfForgotten(error)
    }
  }

  #interrupt(data: unknown): void {
    const parsed = interruptSchema.safeParse(data)
    if (parsed.success) this.#leases.get(parsed.data.leaseToken)?.stop('lost')
    else this.#log.warn('cannot read an interrupt', { error: parsed.error })
  }

  async #leave(): Promise<void> {
    const wasStarted = this.#state !== 'idle'
    this.#enter('draining')
    this.#claims.stop()
    this.#wakeDoorbells()
    await Promise.all([
      this.#membership.end(),
      this.#claims.idle(),
      ...this.#doorbells.map((doorbell) => doorbell.close()),
    ])
    while (this.#runs.size > 0) await Promise.all(this.#runs)
    for (const cancel of this.#deadlines) cancel()
    this.#heartbeat.stop()
    if (wasStarted) await this.#membership.leave()
    await this.#interrupts?.close()
    this.#enter('stopped')
  }

  #counted(encoder: EncoderEngine): EncoderEngine {
    return {
      getCapabilities: () => encoder.getCapabilities(),
      close: () => encoder.close(),
      run: async (run, options) => {
        this.#processes++
        try {
          return await encoder.run(run, options)
        } finally {
          this.#processes--
        }
      },
    }
  }
}

/** The last line of a task's log. */
function endOf(outcome: TaskOutcome): string {
  if (outcome.status !== 'failed') return `The task ${outcome.status}`
  const { kind, message, detail } = outcome.failure
  return `The task failed (${kind}): ${message}${detail === undefined ? '' : `\n${detail}`}`
}
