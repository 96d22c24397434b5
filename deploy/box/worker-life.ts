/** One agent after the other in the same process: a restart ends one and begins the next, with what the machine has now. */
import type { Clock } from '../../kernel/clock.ts'
import type { Log } from '../../kernel/log.ts'
import type { Agent, AgentOptions } from '../../workers/agent.ts'

/** An agent and what was opened for it alone. */
export interface OpenAgent {
  readonly agent: Pick<Agent, 'start' | 'drain'>
  close(): Promise<void>
}

export interface WorkerLifeOptions {
  /** Makes an agent of what the machine has now; called for every life. */
  readonly open: (
    ends: Required<Pick<AgentOptions, 'onRestart' | 'onRemoved'>>,
  ) => Promise<OpenAgent>
  /** People removed the worker; its agent is gone. */
  readonly onRemoved: () => void
  /** Tasks in hand get this long when the process stops; then they are given back. */
  readonly drainMs: number
  readonly clock: Clock
  readonly log: Log
}

/** A machine that cannot begin a life, because its FFmpeg is just being replaced, tries again after this time. */
const retryMs = 10_000

export class WorkerLife {
  readonly #options: WorkerLifeOptions
  readonly #stopping = new AbortController()
  #current: OpenAgent | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(options: WorkerLifeOptions) {
    this.#options = options
  }

  /** Begins the first life. @throws what `open` or the agent throws */
  async start(): Promise<void> {
    const current = await this.#options.open({
      onRestart: () => this.#next(() => this.#restart()),
      onRemoved: () => this.#next(() => this.#end()),
    })
    this.#current = current
    try {
      await current.agent.start()
    } catch (failure) {
      await this.#close()
      throw failure
    }
  }

  /** Ends the life that is lived, and begins no other. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#turn
    await this.#current?.agent.drain(this.#options.drainMs)
    await this.#close()
  }

  #next(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#options.log.error('a worker life did not end as it should', { error })
    })
  }

  async #restart(): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#close()
      try {
        await this.start()
        log.info('the worker has begun anew')
        return
      } catch (error) {
        log.error('the worker cannot begin anew yet', { error })
      }
      await clock.sleep(retryMs, signal).catch(() => {})
    }
  }

  async #end(): Promise<void> {
    await this.#close()
    if (!this.#stopping.signal.aborted) this.#options.onRemoved()
  }

  async #close(): Promise<void> {
    const closing = this.#current
    this.#current = undefined
    await closing?.close()
  }
}
