/** A consumer of the work queue: each free slot asks for one message, and for the next only when that one is handled. */
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ConsumeOptions, Message } from './bus.ts'
import { idOf, openEnvelope } from './envelope.ts'
import { acknowledgement, deliveriesOf, pullRequest, pullSubject } from './jetstream.ts'
import type { Refusals } from './refusals.ts'
import { workStream } from './streams.ts'
import type { Wire, WireMessage, WireSubscription } from './wire.ts'

/** Status of a pull that ended without a message because its time was over, or because there was none. */
const overStatuses: readonly number[] = [404, 408]
const heartbeatStatus = 100

/** Delay after the first failure of a handler; doubles with every further one up to the ack wait. */
const firstRetryMs = 100
const shortestPauseMs = 250
const longestPauseMs = 5_000

/** How long one request for a message lives, and how often it shows that it does. Milliseconds. */
export interface PullTimes {
  readonly expiresMs: number
  /** At most half of `expiresMs`. After two and a half without a sign of life the slot asks again. */
  readonly heartbeatMs: number
}

export interface NatsConsumerOptions {
  readonly wire: Wire
  readonly clock: Clock
  readonly log: Log
  readonly refusals: Refusals
  readonly consume: Required<ConsumeOptions>
  readonly handler: (message: Message) => Promise<void>
  readonly times: PullTimes
  /** Makes the durable consumer if it is gone: the store was wiped, or somebody deleted it. */
  readonly ensure: () => Promise<void>
}

type Pulled = WireMessage | 'nothing' | 'gone'

/** Runs until it is closed, over every loss of the connection, the consumer and its stream. */
export class NatsConsumer {
  readonly #options: NatsConsumerOptions
  readonly #closing = new AbortController()
  readonly #slots: Slot[] = []
  #runs: Promise<void>[] = []
  #forgetReconnects = () => {}
  /** Whether the durable consumer was there when last looked at; a request to none is never answered. */
  #isThere = false
  #ensuring: Promise<void> | undefined

  constructor(options: NatsConsumerOptions) {
    this.#options = options
  }

  /** @throws TypeError when it competes with another consumer; WireFailure when the connection is lost meanwhile */
  async start(): Promise<void> {
    const { wire, consume: { concurrency } } = this.#options
    await this.#ensure()
    for (let i = 0; i < concurrency; i++) this.#slots.push(await Slot.open(this.#options))
    this.#forgetReconnects = wire.onReconnected(() => {
      this.#isThere = false
      for (const slot of this.#slots) slot.answer('gone')
    })
    this.#runs = this.#slots.map((slot) => this.#serve(slot))
  }

  /** Stops new messages and waits for the handlers that run. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#forgetReconnects()
    await Promise.all(this.#slots.map((slot) => slot.close()))
    await Promise.all(this.#runs)
  }

  async #serve(slot: Slot): Promise<void> {
    for (let failures = 0; !this.#closing.signal.aborted;) {
      const pulled = this.#isThere ? await slot.pull() : 'gone'
      if (pulled === 'gone') {
        this.#isThere = false
        await this.#pause(failures++)
        await this.#ensureTogether()
        continue
      }
      failures = 0
      if (pulled === 'nothing') continue
      const word = await this.#handle(pulled)
      // In one turn of the event loop with the next request, so that both leave in one frame.
      this.#acknowledge(pulled, word)
    }
  }

  async #pause(failures: number): Promise<void> {
    const { clock } = this.#options
    const delayMs = Math.min(shortestPauseMs * 2 ** failures, longestPauseMs)
    await clock.sleep(delayMs * (1 - Math.random() / 2), this.#closing.signal).catch(() => {})
  }

  /** The slots share one look. */
  async #ensureTogether(): Promise<void> {
    if (this.#isThere || this.#closing.signal.aborted || !this.#options.wire.isConnected()) return
    this.#ensuring ??= this.#ensure().finally(() => this.#ensuring = undefined)
    await this.#ensuring.catch(() => {})
  }

  /** @throws TypeError when it competes with another consumer; other failures are tried again */
  async #ensure(): Promise<void> {
    const { ensure, log, consume: { name } } = this.#options
    try {
      await ensure()
      this.#isThere = true
    } catch (error) {
      log.warn('cannot make a consumer yet', { name, error })
      if (error instanceof TypeError) throw error
    }
  }

  /** What to answer to the delivery. */
  async #handle(raw: WireMessage): Promise<string> {
    const { handler, log, refusals, consume: { ackWaitMs } } = this.#options
    const { subject } = raw
    const opened = openEnvelope(raw)
    if ('refusal' in opened) {
      refusals.add(subject, opened.refusal)
      return acknowledgement.stop
    }
    try {
      await handler({ subject, data: opened.data, id: idOf(raw) })
      return acknowledgement.done
    } catch (error) {
      const deliveries = deliveriesOf(raw.reply ?? '')
      log.warn('a work handler failed; its message comes again', { subject, deliveries, error })
      return acknowledgement.again(Math.min(firstRetryMs * 2 ** (deliveries - 1), ackWaitMs))
    }
  }

  /** Without a connection the message comes again after its ack wait. */
  #acknowledge({ subject, reply }: WireMessage, word: string): void {
    const { wire, log } = this.#options
    try {
      if (reply !== undefined) wire.send(reply, word)
    } catch (failure) {
      log.debug('cannot acknowledge a message; it comes again', {
        subject,
        reason: messageOf(failure),
      })
    }
  }
}

/** One place for one message: its own inbox, and at most one open request. */
class Slot {
  readonly #options: NatsConsumerOptions
  readonly #inbox: string
  #subscription: WireSubscription | undefined
  /** The open request. */
  #waiting: ((pulled: Pulled) => void) | undefined
  #requests = 0
  #cancelWatch = () => {}
  #closed = false

  private constructor(options: NatsConsumerOptions) {
    this.#options = options
    this.#inbox = options.wire.newInbox()
  }

  static async open(options: NatsConsumerOptions): Promise<Slot> {
    const slot = new Slot(options)
    const filter = `${slot.#inbox}.*`
    slot.#subscription = await options.wire.subscribe(filter, (raw) => slot.#receive(raw))
    return slot
  }

  /** Asks for one message; `nothing` when none came in time, `gone` when there is no consumer to ask. */
  async pull(): Promise<Pulled> {
    const { wire, times: { expiresMs, heartbeatMs }, consume: { name } } = this.#options
    if (this.#closed) return 'nothing'
    const { promise, resolve } = Promise.withResolvers<Pulled>()
    this.#waiting = resolve
    this.#requests++
    try {
      const request = pullRequest(expiresMs, heartbeatMs)
      wire.send(pullSubject(workStream, name), request, { reply: this.#replySubject })
      this.#watch()
    } catch {
      this.answer('gone')
    }
    return await promise
  }

  /** Ends the open request, if there is one. */
  answer(pulled: Pulled): boolean {
    const resolve = this.#waiting
    this.#waiting = undefined
    this.#cancelWatch()
    resolve?.(pulled)
    return resolve !== undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    this.answer('nothing')
    await this.#subscription?.drain()
  }

  /** Of its own for each request, so that the end of an older one is not taken for the end of this one. */
  get #replySubject(): string {
    return `${this.#inbox}.${this.#requests}`
  }

  #receive(raw: WireMessage): void {
    const isDelivery = !raw.subject.startsWith(`${this.#inbox}.`)
    if (isDelivery) return this.answer(raw) ? undefined : this.#giveBack(raw)
    if (raw.subject !== this.#replySubject) return
    if (raw.status === heartbeatStatus) return this.#watch()
    const isOver = raw.status !== undefined && overStatuses.includes(raw.status)
    this.answer(isOver ? 'nothing' : 'gone')
  }

  /** Asks again when the server has lost the request: it should have answered long ago. */
  #watch(): void {
    this.#cancelWatch()
    if (this.#waiting === undefined) return
    const { clock, log, times: { heartbeatMs }, consume: { name } } = this.#options
    this.#cancelWatch = clock.after(heartbeatMs * 2.5, () => {
      log.warn('the server lost a request for work; asking again', { name })
      this.answer('gone')
    })
  }

  /** A message of a request that was given up: somebody else shall have it at once. */
  #giveBack({ reply }: WireMessage): void {
    const { wire } = this.#options
    if (reply === undefined || !wire.isConnected()) return
    wire.send(reply, acknowledgement.again(0))
  }
}
