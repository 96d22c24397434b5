/** The worker's agent: joins the kernel, claims tasks while there is room, runs them and reports. */
import { mkdir, rm } from 'node:fs/promises'
import type { Bus } from '../kernel/bus/bus.ts'
import type { InstalledEncoder } from '../kernel/contract/encoder-routing.ts'
import type { TaskBrief } from '../kernel/contract/task.ts'
import type { JoinReply, WorkerCapabilities, WorkerCommand } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'
import { attempt, type AttemptTools } from './attempt.ts'
import { Claims } from './claims.ts'
import { countRuns } from './counted-encoder.ts'
import { Doorbells } from './doorbells.ts'
import { Heartbeat } from './heartbeat.ts'
import { EncoderNews } from './encoder-news.ts'
import { createKernelLink, isForgotten, isReplaced, type KernelLink } from './kernel-link.ts'
import { LeaseBook } from './lease.ts'
import { Membership, type Proofs } from './membership.ts'
import { Orders } from './orders.ts'
import type { TaskTools } from './task-run.ts'
import type { Transferred } from './transfer-meter.ts'
import { createUsageMeter, type Usage } from './usage.ts'

/** After the tasks were given back, their reports have this long to reach the kernel. */
const lastReportsMs = 5_000
/** Tasks in hand get this long when people restart or remove the worker; then they are given back. */
const commandDrainMs = 10 * 60_000

export interface AgentOptions extends TaskTools, Proofs {
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
  /** The encoder plugins of this worker, as they are now. @default it does not say */
  readonly listEncoders?: () => Promise<readonly InstalledEncoder[]>
  /** @default a meter of the machine */
  readonly readUsage?: () => Usage
  /** Bytes moved over the network, for heartbeats. @default none: objects are on this machine */
  readonly readTransferred?: () => Transferred
  /** Called whenever the agent's numbers changed. */
  readonly onChange?: (stats: AgentStats) => void
  /** People restarted the worker, and the agent has stopped: a new one is to be made, with what the machine has now. */
  readonly onRestart?: () => void
  /** People removed the worker, and the agent has stopped: its process is to end. */
  readonly onRemoved?: () => void
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
  readonly #tools: AttemptTools
  readonly #log: Log
  readonly #link: KernelLink
  readonly #membership: Membership
  readonly #news: EncoderNews
  readonly #claims: Claims
  readonly #heartbeat: Heartbeat
  readonly #doorbells: Doorbells
  readonly #orders: Orders
  readonly #readUsage: () => Usage
  readonly #leases = new LeaseBook()
  readonly #runs = new Set<Promise<void>>()
  readonly #counts = { claimed: 0, finished: 0, failed: 0, released: 0, lost: 0 }
  /** Ends the retries of reports. */
  readonly #closing = new AbortController()
  #state: AgentStats['state'] = 'idle'
  #processes = 0
  #draining: Promise<void> | undefined
  #deadlines: (() => void)[] = []

  constructor(options: AgentOptions) {
    const { bus, clock, workerId, hostname, version, region, capabilities } = options
    const { joinToken, credentials } = options
    this.#options = options
    this.#log = options.log.child({ component: 'worker', worker_id: workerId })
    this.#link = createKernelLink(bus)
    this.#tools = {
      ...options,
      encoder: countRuns(options.encoder, (running) => this.#processes = running),
      log: this.#log,
      link: this.#link,
      closing: this.#closing.signal,
      onProgress: () => this.#heartbeat.hasten(),
      onEnded: (status) => {
        this.#counts[status]++
        this.#changed()
      },
    }
    this.#news = new EncoderNews({ list: options.listEncoders, clock, log: this.#log })
    this.#membership = new Membership({
      link: this.#link,
      clock,
      log: this.#log,
      news: this.#news,
      worker: { workerId, hostname, version, region, capabilities },
      ...(options.session !== undefined && { session: options.session }),
      joinToken,
      credentials,
      onJoined: (terms) => this.#begin(terms),
    })
    this.#doorbells = new Doorbells({
      bus,
      log: this.#log,
      region,
      lanes: capabilities.lanes,
      hasRoom: () => this.#room > 0,
      onRing: () => this.#claims.ring(),
    })
    this.#claims = new Claims({
      clock,
      room: () => this.#state === 'working' ? this.#room : 0,
      claim: (limit) => this.#claim(limit),
      take: (brief) => this.#take(brief),
    })
    this.#orders = new Orders({
      bus,
      log: this.#log,
      workerId,
      session: this.#membership.session,
      onInterrupt: (leaseToken) => this.#leases.get(leaseToken)?.stop('lost'),
      onPush: (command) => this.#hear(command),
      onCommand: (command) => this.#obey(command),
    })
    this.#heartbeat = new Heartbeat(clock, () => this.#beat())
    this.#readUsage = options.readUsage ?? createUsageMeter()
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') throw new TypeError(`Cannot start an agent that is ${this.#state}`)
    this.#enter('joining')
    const { workDirectory } = this.#options
    await rm(workDirectory, { recursive: true, force: true, maxRetries: 3 })
    await mkdir(workDirectory, { recursive: true })
    await this.#orders.open()
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

  #begin({ heartbeatMs, command = 'work' }: JoinReply): void {
    this.#log.info('joined the kernel', { heartbeatMs, command })
    this.#heartbeat.start(heartbeatMs)
    if (command === 'work') this.#work()
    else this.#enter('draining')
    this.#orders.follow(command)
  }

  #work(): void {
    this.#enter('working')
    this.#claims.start()
    this.#doorbells.open()
  }

  /** Takes nothing new; what is in hand goes on. */
  #pause(state: 'joining' | 'draining'): void {
    this.#enter(state)
    this.#claims.stop()
    void this.#doorbells.close()
  }

  /** The kernel does not know this session any more. */
  #rejoinIfForgotten(failure: unknown): void {
    if (this.#state === 'joining') return
    const isLost = isReplaced(failure)
    if (isLost) {
      this.#log.error('another process took this worker’s name: its tasks stop', { error: failure })
      this.#leases.stopAll('lost')
    }
    if (this.#draining !== undefined || !(isLost || isForgotten(failure))) return
    this.#heartbeat.stop()
    this.#pause('joining')
    // A kernel that merely forgot it says with the next heartbeat which tasks are lost.
    if (isLost) this.#membership.joinWhenFree()
    else this.#membership.join()
  }

  /** Whoever leaves by itself, or has yet to join, hears no commands. */
  #hear(command: WorkerCommand): void {
    const isLeaving = this.#draining !== undefined && !this.#orders.isEnding
    if (this.#state !== 'joining' && !isLeaving) this.#orders.follow(command)
  }

  #obey(command: WorkerCommand): void {
    if (command === 'work') this.#work()
    else if (command === 'drain') this.#pause('draining')
    else if (this.#draining === undefined) void this.#endForGood()
  }

  /** Finishes what is in hand, for a while, and hands over to whoever made this agent. */
  async #endForGood(): Promise<void> {
    await this.drain(commandDrainMs)
    if (this.#orders.isForGood) {
      await this.#membership.forget()
      this.#options.onRemoved?.()
    } else this.#options.onRestart?.()
  }

  get #room(): number {
    return this.#options.capabilities.slots - this.#leases.size
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
    const run = attempt(lease, this.#tools)
      .catch((error: unknown) => {
        this.#log.error('a task broke the agent', { task_id: brief.taskId, error })
      })
      .finally(() => {
        this.#leases.remove(lease)
        this.#runs.delete(run)
        this.#changed()
        this.#doorbells.wake()
        this.#claims.ring()
      })
    this.#runs.add(run)
    this.#changed()
  }

  async #beat(): Promise<void> {
    const leases = this.#leases.live()
    const { workerId } = this.#options
    try {
      const beat = {
        workerId,
        session: this.#membership.session,
        progress: leases.map((lease) => lease.progress),
        usage: {
          ...this.#readUsage(),
          ...this.#options.readTransferred?.(),
          processes: this.#processes,
        },
      }
      const { lost, command } = await this.#news.update((told) =>
        this.#link.heartbeat({ ...beat, ...told })
      )
      for (const lease of leases) if (lost.includes(lease.brief.taskId)) lease.stop('lost')
      if (command !== undefined) this.#hear(command)
    } catch (error) {
      this.#log.warn('a heartbeat did not reach the kernel', { error })
      this.#rejoinIfForgotten(error)
    }
  }

  async #leave(): Promise<void> {
    const wasStarted = this.#state !== 'idle'
    this.#enter('draining')
    this.#claims.stop()
    await Promise.all([
      this.#membership.end(),
      this.#claims.idle(),
      this.#doorbells.close(),
    ])
    while (this.#runs.size > 0) await Promise.all(this.#runs)
    for (const cancel of this.#deadlines) cancel()
    this.#heartbeat.stop()
    if (wasStarted) await this.#membership.leave()
    await this.#orders.close()
    this.#enter('stopped')
  }
}
