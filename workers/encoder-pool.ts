/** The encoder plugins of this machine that are wanted: opened with what an admin configured, and closed when nobody wants them. */
import type { Clock } from '../kernel/clock.ts'
import type { EncoderCapabilities } from '../kernel/contract/encoder.ts'
import type { WantedEncoder } from '../kernel/contract/encoder-routing.ts'
import type { Log } from '../kernel/log.ts'
import type { KeptEncoder } from './encoder-plugin.ts'

/** An encoder that can be given runs. */
export interface OpenEncoder {
  readonly id: string
  readonly priority: number
  /** Programs that it runs for tasks which name no video codec. */
  readonly tools: readonly string[]
  readonly capabilities: EncoderCapabilities
  readonly engine: Pick<KeptEncoder, 'run' | 'isUp'>
  /** @default false */
  readonly isBuiltIn?: boolean
}

/** A plugin that was started. */
export interface StartedEncoder {
  readonly engine: KeptEncoder
  /** As its manifest names it. */
  readonly version: string
  /** As its manifest names them. */
  readonly tools: readonly string[]
}

export interface PoolOptions {
  /**
   * Starts a plugin of this machine.
   * @throws WE-PLG-001 when it is not there; WE-PLG-003 for a configuration that breaks its schema; WE-PLG-004 when it does not
   * come up
   */
  readonly open: (wanted: WantedEncoder) => Promise<StartedEncoder>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/** One that did not start is tried again with the first task after this time, in milliseconds. */
const retryMs = 30_000

interface Started extends StartedEncoder {
  readonly capabilities: EncoderCapabilities
}

/** A plugin with one configuration. */
interface Entry {
  readonly id: string
  /** What needs a new process when it changes. */
  readonly text: string
  /** Undefined when it did not start. Never rejects. */
  readonly started: Promise<Started | undefined>
  /** The same, once it has come up. */
  open: Started | undefined
  failedAtMs: number | undefined
  /** Runs that it has now. */
  runs: number
}

export class EncoderPool {
  readonly #options: PoolOptions
  readonly #entries = new Map<string, Entry>()
  /** Those that are not wanted any more and still have runs. */
  readonly #retired = new Set<Entry>()
  readonly #closing = new Set<Promise<void>>()
  #wanted: readonly WantedEncoder[] = []
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Starts and ends what has to be. One whose configuration changed ends after its runs; the next ones get a new process. */
  follow(wanted: readonly WantedEncoder[]): void {
    if (this.#isClosed) return
    this.#wanted = wanted.filter(({ isEnabled }) => isEnabled)
    for (const entry of this.#entries.values()) {
      const isWanted = this.#wanted.some((one) => one.id === entry.id && textOf(one) === entry.text)
      if (!isWanted) this.#retire(entry)
    }
    for (const one of this.#wanted) {
      const failedAtMs = this.#entries.get(one.id)?.failedAtMs
      const isDue = failedAtMs !== undefined && this.#options.clock.now() - failedAtMs >= retryMs
      if (isDue || !this.#entries.has(one.id)) this.#entries.set(one.id, this.#open(one, isDue))
    }
  }

  /**
   * Those that are wanted and came up, after waiting for those that are just starting.
   * @param signal - does not wait any longer
   */
  async list(signal?: AbortSignal): Promise<readonly OpenEncoder[]> {
    const { promise: given, resolve: giveUp } = Promise.withResolvers<undefined>()
    const onAbort = () => giveUp(undefined)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const found = await Promise.all(this.#wanted.map(async (wanted) => {
      const entry = this.#entries.get(wanted.id)
      const started = await Promise.race([entry?.started, given])
      return entry && started && this.#openFrom(wanted, entry, started)
    }))
    signal?.removeEventListener('abort', onAbort)
    return found.filter((open) => open !== undefined)
  }

  /** What is known now of a plugin that runs, without waiting for one that is starting. */
  peek(
    id: string,
  ): Pick<OpenEncoder, 'tools' | 'capabilities'> & { readonly version: string } | undefined {
    return this.#entries.get(id)?.open
  }

  /** Whether the plugin did not start, and is not to be tried again yet. */
  isOut(id: string): boolean {
    const failedAtMs = this.#entries.get(id)?.failedAtMs
    return failedAtMs !== undefined && this.#options.clock.now() - failedAtMs < retryMs
  }

  /** Ends all at once, runs or not. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const entry of [...this.#entries.values(), ...this.#retired]) this.#end(entry)
    await Promise.all(this.#closing)
  }

  #open(wanted: WantedEncoder, isRetry: boolean): Entry {
    const { clock, log } = this.#options
    const entry: Entry = {
      id: wanted.id,
      text: textOf(wanted),
      started: this.#start(wanted).then((started) => entry.open = started, (error: unknown) => {
        entry.failedAtMs = clock.now()
        // Of a fleet, some may not have it: once is enough.
        log[isRetry ? 'debug' : 'warn']('an encoder plugin cannot be used', {
          plugin: wanted.id,
          error,
        })
        return undefined
      }),
      open: undefined,
      failedAtMs: undefined,
      runs: 0,
    }
    return entry
  }

  /** @throws what `open` throws; a plugin that does not say what it can do is ended again */
  async #start(wanted: WantedEncoder): Promise<Started> {
    const started = await this.#options.open(wanted)
    try {
      return { ...started, capabilities: await started.engine.getCapabilities() }
    } catch (failure) {
      await started.engine.close()
      throw failure
    }
  }

  #retire(entry: Entry): void {
    this.#entries.delete(entry.id)
    if (entry.runs === 0) this.#end(entry)
    else this.#retired.add(entry)
  }

  #end(entry: Entry): void {
    const { id, started } = entry
    this.#retired.delete(entry)
    const closing = started
      .then((found) => found?.engine.close())
      .catch((error: unknown) =>
        this.#options.log.warn('an encoder plugin did not close', { plugin: id, error })
      )
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #openFrom(
    { id, priority }: WantedEncoder,
    entry: Entry,
    { engine, capabilities, tools }: Started,
  ): OpenEncoder {
    return {
      id,
      priority,
      capabilities,
      tools,
      engine: {
        isUp: () => engine.isUp(),
        run: async (run, options) => {
          entry.runs++
          try {
            return await engine.run(run, options)
          } finally {
            entry.runs--
            if (entry.runs === 0 && this.#retired.has(entry)) this.#end(entry)
          }
        },
      },
    }
  }
}

function textOf({ version, config }: WantedEncoder): string {
  return JSON.stringify([version, config])
}
