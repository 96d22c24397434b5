/** A worker's place with the kernel: joining, as often as it takes, and leaving. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../kernel/clock.ts'
import { type JoinReply, type JoinRequest, workerProtocol } from '../kernel/contract/worker.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { CredentialStore } from './credential.ts'
import type { EncoderNews } from './encoder-news.ts'
import { isForgotten, type KernelLink } from './kernel-link.ts'

const firstRetryMs = 500
const longestRetryMs = 10_000
/** After a refusal that only people can undo: they may do so without touching the worker. */
const refusedRetryMs = 60_000

/** What lets a worker in. */
export interface Proofs {
  /** Shown when there is no credential, or when it was refused. */
  readonly joinToken?: string | undefined
  /** @default none: the credential lasts as long as the process */
  readonly credentials?: CredentialStore | undefined
}

export interface MembershipOptions extends Proofs {
  readonly link: Pick<KernelLink, 'join' | 'leave'>
  readonly clock: Clock
  readonly log: Log
  readonly worker: Omit<
    JoinRequest,
    'session' | 'protocol' | 'joinToken' | 'credential' | 'yields' | 'encoders'
  >
  /** What is said of encoders. */
  readonly news: EncoderNews
  /** @default a new one */
  readonly session?: string
  /** Called at every time the kernel took the worker in. */
  readonly onJoined: (terms: JoinReply) => void
}

export class Membership {
  /** One for the life of this agent. */
  readonly session: string
  readonly #options: MembershipOptions
  readonly #leaving = new AbortController()
  #joining: Promise<void> | undefined
  #yields = false
  #credential: string | undefined
  #isCredentialRefused = false
  /** What was refused last, and has been logged. */
  #refusal: string | undefined

  constructor(options: MembershipOptions) {
    this.#options = options
    this.session = options.session ?? randomUUID()
  }

  /** Asks until the kernel takes the worker: it may be starting, or restarting. */
  join(): void {
    this.#joining ??= this.#joinUntilAccepted().finally(() => this.#joining = undefined)
  }

  /** Another process took this worker's name: asks for it back, slowly, and gets it when that one is gone. */
  joinWhenFree(): void {
    this.#yields = true
    this.join()
  }

  /** Ends joining, so that nothing can take the worker in again. */
  async end(): Promise<void> {
    this.#leaving.abort()
    await this.#joining
  }

  /** Tells the kernel; a kernel that is gone will miss the heartbeats. */
  async leave(): Promise<void> {
    const { link, log, worker: { workerId } } = this.#options
    try {
      await link.leave({ workerId, session: this.session })
    } catch (error) {
      log.warn('cannot tell the kernel that this worker leaves', { error })
    }
  }

  /** The worker was removed: what let it in is worth nothing any more. */
  async forget(): Promise<void> {
    this.#credential = undefined
    await this.#options.credentials?.remove().catch((error: unknown) => {
      this.#options.log.warn('cannot delete the credential', { error })
    })
  }

  async #joinUntilAccepted(): Promise<void> {
    const { onJoined } = this.#options
    let delayMs = firstRetryMs
    // Whoever lost its name has just been told so.
    if (this.#yields && !(await this.#hasWaited(refusedRetryMs))) return
    for (;;) {
      try {
        const terms = await this.#ask()
        if (!this.#leaving.signal.aborted) onJoined(terms)
        return
      } catch (error) {
        const waitMs = this.#noteFailure(error) ? refusedRetryMs : delayMs
        if (!(await this.#hasWaited(waitMs))) return
        delayMs = Math.min(delayMs * 2, longestRetryMs)
      }
    }
  }

  async #ask(): Promise<JoinReply> {
    const { link, worker, news } = this.#options
    const request = {
      ...worker,
      session: this.session,
      protocol: workerProtocol,
      ...await this.#proof(),
      ...(this.#yields && { yields: true }),
    }
    const terms = await news.introduce((told) => link.join({ ...request, ...told }))
    this.#yields = false
    this.#refusal = undefined
    if (terms.credential !== undefined) await this.#keep(terms.credential)
    return terms
  }

  async #proof(): Promise<Pick<JoinRequest, 'credential' | 'joinToken'>> {
    const { joinToken, credentials } = this.#options
    this.#credential ??= await credentials?.read()
    const shownToken = joinToken === undefined ? {} : { joinToken }
    if (this.#credential === undefined) return shownToken
    if (this.#isCredentialRefused && joinToken !== undefined) return shownToken
    return { credential: this.#credential }
  }

  /** Without the file the worker works all the same, until it is started anew. */
  async #keep(credential: string): Promise<void> {
    this.#credential = credential
    this.#isCredentialRefused = false
    await this.#options.credentials?.write(credential).catch((error: unknown) => {
      this.#options.log.error('cannot keep the credential of this worker', { error })
    })
  }

  /** @returns whether only people can help */
  #noteFailure(error: unknown): boolean {
    const { log, joinToken } = this.#options
    if (!isRefusal(error)) {
      log.warn('cannot join the kernel yet', { error })
      return false
    }
    const hasShownCredential = this.#credential !== undefined && !this.#isCredentialRefused
    if (error.code.startsWith('WE-AUTH-') && hasShownCredential && joinToken !== undefined) {
      log.warn('the credential was refused, showing the join token', { error })
      this.#isCredentialRefused = true
      return false
    }
    if (this.#refusal !== error.code) {
      log.error('the kernel refuses this worker; asking again every minute', {
        error_code: error.code,
        error,
      })
      this.#refusal = error.code
    }
    return true
  }

  async #hasWaited(delayMs: number): Promise<boolean> {
    const { signal } = this.#leaving
    try {
      await this.#options.clock.sleep(delayMs, signal)
      return true
    } catch (reason) {
      if (signal.aborted) return false
      throw reason
    }
  }
}

function isRefusal(failure: unknown): failure is WebEncodeError {
  return failure instanceof WebEncodeError && failure.next === 'stop' && !isForgotten(failure)
}
