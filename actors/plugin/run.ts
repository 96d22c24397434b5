/** One process of a plugin, from its start to its end: its calls are counted, judged, and waited for before it stops. */
import type { Clock } from '../../kernel/clock.ts'
import type {
  PluginCall,
  PluginExit,
  PluginHost,
  PluginInstance,
  PluginLogLine,
  StartPlugin,
} from '../../kernel/contract/plugin.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import { CallWindow, type Judgement } from './call-window.ts'

/** Times of a run, in milliseconds. */
export interface RunTiming {
  /** Between two health checks; three that fail within a minute say something. @default 15_000 */
  readonly checkEveryMs: number
  /** How long a health check or a self-test may take. @default 5000 */
  readonly checkTimeoutMs: number
  /** Between two looks at the calls. @default 1000 */
  readonly judgeEveryMs: number
  /** How long the last calls of a process that goes may take. @default 30_000 */
  readonly drainMs: number
}

/** What is usual. */
export const usualRunTiming: RunTiming = {
  checkEveryMs: 15_000,
  checkTimeoutMs: 5000,
  judgeEveryMs: 1000,
  drainMs: 30_000,
}

export interface RunOptions {
  readonly host: Pick<PluginHost, 'start'>
  readonly plugin: StartPlugin
  readonly number: number
  /** It must pass its self-test before it counts as up. */
  readonly isShadow: boolean
  readonly clock: Clock
  readonly timing: RunTiming
  /** Something about it is different: it is up, gone, or its calls go otherwise. */
  readonly onChange: () => void
  readonly onCall: (call: PluginCall) => void
  readonly onLog: (line: PluginLogLine) => void
}

/** What the kernel asks for itself: its health checks are counted where they are made. */
const ownMethods: ReadonlySet<string> = new Set(['Health', 'SelfTest', 'Metrics'])

const fine: Judgement = { health: 'healthy', isErroneous: false, problem: null }

/** A process of a plugin. Nothing it does is awaited but {@link retire}: it says `onChange`. */
export class PluginRun {
  readonly #options: RunOptions
  readonly #window = new CallWindow()
  #instance: PluginInstance | undefined
  #state: 'starting' | 'up' | 'gone' = 'starting'
  #problem = ''
  #inFlight = 0
  #retiring: Promise<void> | undefined
  #onIdle: (() => void) | undefined
  #cancels: (() => void)[] = []
  #judgement = fine
  readonly #begun: Promise<void>
  /** What its actor was told last. */
  #told = fine

  constructor(options: RunOptions) {
    this.#options = options
    this.#begun = this.#begin()
  }

  get number(): number {
    return this.#options.number
  }
  get plugin(): StartPlugin {
    return this.#options.plugin
  }
  get state(): 'starting' | 'up' | 'gone' {
    return this.#state
  }
  /** Why it is gone. */
  get problem(): string {
    return this.#problem
  }
  get isRetiring(): boolean {
    return this.#retiring !== undefined
  }
  get judgement(): Judgement {
    return this.#judgement
  }
  get instance(): PluginInstance | undefined {
    return this.#instance
  }

  get told(): Judgement {
    return this.#told
  }
  noteTold(judgement: Judgement): void {
    this.#told = judgement
  }
  /** Its actor knows nothing of its calls, and takes it for healthy. */
  tellAnew(): void {
    this.#told = fine
  }

  /** Runs a call on the process, counted until it ends. @throws WE-PLG-004 when the process is not there */
  async use<T>(work: (instance: PluginInstance) => Promise<T>): Promise<T> {
    const instance = this.#enter()
    try {
      return await work(instance)
    } finally {
      this.#leave()
    }
  }

  /** The same for a call that answers with a stream. */
  async *stream<T>(work: (instance: PluginInstance) => AsyncIterable<T>): AsyncGenerator<T> {
    const instance = this.#enter()
    try {
      yield* work(instance)
    } finally {
      this.#leave()
    }
  }

  /** Takes no new calls from the mesh; stops the process when the last one has ended, or after the drain time. */
  retire(drainMs = this.#options.timing.drainMs): Promise<void> {
    return this.#retiring ??= this.#stop(drainMs)
  }

  async #begin(): Promise<void> {
    const { host, plugin, isShadow, timing } = this.#options
    try {
      const instance = await host.start(plugin)
      this.#instance = instance
      void instance.exited.then((exit) => this.#end(exit))
      // What it wrote while it started, then what it writes from now on.
      instance.logs().forEach(this.#options.onLog)
      instance.onLog(this.#options.onLog)
      if (isShadow) await instance.check({ timeoutMs: timing.checkTimeoutMs })
      instance.onCall((call) => this.#count(call))
      this.#becomeUp()
    } catch (failure) {
      this.#fail(messageOf(failure))
    }
  }

  #becomeUp(): void {
    if (this.#state !== 'starting') return
    this.#state = 'up'
    const { checkEveryMs, judgeEveryMs } = this.#options.timing
    this.#every(judgeEveryMs, () => this.#judge())
    this.#every(checkEveryMs, () => this.#check())
    this.#options.onChange()
  }

  #every(delayMs: number, work: () => Promise<void> | void): void {
    const slot = this.#cancels.length
    const again = (): void => {
      this.#cancels[slot] = this.#options.clock.after(delayMs, () => {
        void Promise.resolve(work()).then(() => this.#state === 'up' && again())
      })
    }
    again()
  }

  #count(call: PluginCall): void {
    if (ownMethods.has(call.method)) return
    this.#window.record(this.#options.clock.now(), call.durationMs, call.ok)
    this.#options.onCall(call)
  }

  #judge(): void {
    const next = this.#window.judge(this.#options.clock.now())
    const isSame = next.health === this.#told.health && next.isErroneous === this.#told.isErroneous
    this.#judgement = next
    if (!isSame && !this.isRetiring) this.#options.onChange()
  }

  /** A process that nobody calls is looked at all the same: a check counts as a call. */
  async #check(): Promise<void> {
    const { clock, timing } = this.#options
    const from = clock.now()
    const isOk = await this.#instance?.ping({ timeoutMs: timing.checkTimeoutMs })
      .then(() => true, () => false) ?? false
    if (this.#state === 'up') this.#window.record(clock.now(), clock.now() - from, isOk)
  }

  #end({ exitCode, signal }: PluginExit): void {
    const how = signal === null ? `with the code ${exitCode}` : `by ${signal}`
    this.#fail(`Its process ended ${how}`)
  }

  #fail(problem: string): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#problem = problem
    for (const cancel of this.#cancels) cancel()
    this.#options.onChange()
    // One that failed its self-test still runs.
    void this.retire(0)
  }

  #enter(): PluginInstance {
    if (this.#state !== 'up' || this.#instance === undefined) {
      const { id } = this.plugin.manifest
      throw new WebEncodeError('WE-PLG-004', `Cannot call "${id}": its process is ${this.#state}`)
    }
    this.#inFlight += 1
    return this.#instance
  }

  #leave(): void {
    this.#inFlight -= 1
    if (this.#inFlight === 0) this.#onIdle?.()
  }

  async #stop(drainMs: number): Promise<void> {
    await this.#begun
    await this.#drained(drainMs)
    await this.#instance?.stop().catch((failure: unknown) => this.#note(messageOf(failure)))
    for (const cancel of this.#cancels) cancel()
  }

  #note(problem: string): void {
    const at = new Date(this.#options.clock.now()).toISOString()
    this.#options.onLog({
      at,
      level: 'error',
      message: `Its process cannot be stopped: ${problem}`,
    })
  }

  #drained(drainMs: number): Promise<void> {
    if (this.#inFlight === 0 || drainMs === 0 || this.#state === 'gone') return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(drainMs, resolve)
      this.#onIdle = () => {
        cancel()
        resolve()
      }
    })
  }
}
