/** An encoder plugin that is kept running: started with the worker, and again whenever its process is gone. */
import type { Clock } from '../kernel/clock.ts'
import type { EncoderEngine } from '../kernel/contract/encoder.ts'
import type { PluginHost, PluginInstance, StartPlugin } from '../kernel/contract/plugin.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { encoderFrom } from '../kernel/plugin/adapters/encoder.ts'

export interface EncoderPluginOptions {
  readonly host: Pick<PluginHost, 'start'>
  readonly plugin: StartPlugin
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly log: Log
}

/** An encoder whose process may be gone for a while. */
export interface KeptEncoder extends EncoderEngine {
  /** Whether its process is there; while it is not, whoever asks waits for the next one. */
  isUp(): boolean
}

/** A process that lived this long was well: the next start does not wait. */
const healthyMs = 60_000
const longestPauseMs = 30_000
/** Longest time between the end of a process and the news of it. */
const goneMs = 1_000

/** Starts the plugin. @throws WE-PLG-004 when its first process does not come up */
export async function openEncoderPlugin(options: EncoderPluginOptions): Promise<KeptEncoder> {
  const keeper = new EncoderKeeper(options)
  await keeper.current()
  return {
    getCapabilities: () => keeper.ask((encoder) => encoder.getCapabilities()),
    run: (run, given) => keeper.ask((encoder) => encoder.run(run, given)),
    close: () => keeper.close(),
    isUp: () => keeper.isUp,
  }
}

class EncoderKeeper {
  readonly #options: EncoderPluginOptions
  readonly #closing = new AbortController()
  #instance: Promise<PluginInstance>
  isUp = false
  /** Lives in a row that ended early. */
  #shortLives = 0

  constructor(options: EncoderPluginOptions) {
    this.#options = options
    this.#instance = this.#start()
  }

  /** The running instance; while there is none, the next one. @throws WE-PLG-004 when that does not come up */
  async current(): Promise<PluginInstance> {
    if (this.#closing.signal.aborted) {
      throw new WebEncodeError('WE-PLG-002', 'Cannot use the encoder: it is closed')
    }
    return await this.#instance
  }

  /** A connection breaks a moment before its process is seen to be gone: the failure is told when whoever asks next is helped. */
  async ask<T>(question: (encoder: EncoderEngine) => Promise<T>): Promise<T> {
    const instance = await this.current()
    try {
      return await question(encoderFrom(instance))
    } catch (failure) {
      const isGone = failure instanceof WebEncodeError && failure.code === 'WE-PLG-004'
      if (isGone) await Promise.race([instance.exited, this.#options.clock.sleep(goneMs)])
      throw failure
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new WebEncodeError('WE-PLG-002', 'The encoder is closed'))
    const instance = await this.#instance.catch(() => undefined)
    await instance?.stop()
  }

  async #start(): Promise<PluginInstance> {
    const { host, plugin, clock } = this.#options
    const instance = await host.start(plugin)
    const startedAt = clock.now()
    this.isUp = true
    void instance.exited.then(() => {
      this.isUp = false
      if (this.#closing.signal.aborted) return
      this.#shortLives = clock.now() - startedAt < healthyMs ? this.#shortLives + 1 : 0
      this.#instance = this.#startAgain()
      // Whoever asks next is told; until then nobody waits for it.
      this.#instance.catch(() => {})
    })
    return instance
  }

  /** Tries until it comes up: at once after a long life, then after 1 s, 2 s and so on to half a minute. */
  async #startAgain(): Promise<PluginInstance> {
    const { plugin: { manifest: { id } }, clock, log } = this.#options
    const { signal } = this.#closing
    for (;;) {
      log.warn('the encoder plugin is gone and starts again', { plugin: id })
      if (this.#shortLives > 1) {
        await clock.sleep(Math.min(1000 * 2 ** (this.#shortLives - 2), longestPauseMs), signal)
      }
      try {
        return await this.#start()
      } catch (error) {
        signal.throwIfAborted()
        this.#shortLives++
        log.error('the encoder plugin does not start', { plugin: id, error })
      }
    }
  }
}
