/** The bus on a NATS connection: stored subjects go to JetStream, the rest to whoever listens. */
import type { Clock } from '../clock.ts'
import type { Json } from '../contract/json.ts'
import { messageOf, WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Bus, ConsumeOptions, Message, Subscription } from './bus.ts'
import { busError } from './bus-error.ts'
import { envelopeHeaders, idOf, openEnvelope } from './envelope.ts'
import { checkFilter, checkSubject } from './filter.ts'
import { type AskJetStream, checkStored, countWaiting } from './jetstream.ts'
import { NatsConsumer, type PullTimes } from './nats-consumer.ts'
import { payloadFrom } from './payload.ts'
import { Refusals } from './refusals.ts'
import { errorReplyFrom, parseReply, replyFrom } from './reply.ts'
import { Running } from './running.ts'
import { StreamKeeper, type WorkConsumer } from './stream-keeper.ts'
import { isStored, type StreamOptions, workStream } from './streams.ts'
import { consumerName, consumerSubject } from './subjects.ts'
import { type Wire, WireFailure, type WireMessage } from './wire.ts'

export interface NatsBusOptions extends StreamOptions {
  readonly wire: Wire
  readonly clock: Clock
  readonly log: Log
  /** Makes streams and consumers, for itself and for the buses that may not. */
  readonly manage: boolean
  /** Milliseconds in which the streams must be there. */
  readonly openTimeoutMs: number
  readonly pull: PullTimes
}

/** Figures since the bus was opened. */
export interface NatsBusStats {
  readonly connected: boolean
  readonly reconnects: number
  /** Messages that were not ours, or of a newer version. */
  readonly refused: number
  /** Messages dropped because the handlers of a subscription did not keep up. */
  readonly dropped: number
}

/** Longest wait for an answer of JetStream or of the manager of consumers. */
const answerTimeoutMs = 5_000
const defaultAckWaitMs = 30_000
/** Handlers of one subscription, or of one responder, that run at the same time. */
const handlersAtMost = 10_000
/** The members of a queue group share its requests. */
const responderQueue = 'kernel'

export class NatsBus implements Bus {
  readonly #options: NatsBusOptions
  readonly #wire: Wire
  readonly #log: Log
  readonly #refusals: Refusals
  readonly #keeper: StreamKeeper
  readonly #subscriptions = new Set<Subscription>()
  #closed: Promise<void> | undefined
  #reconnects = 0
  #dropped = 0

  constructor(options: NatsBusOptions) {
    const { wire, log } = options
    this.#options = options
    this.#wire = wire
    this.#log = log
    this.#refusals = new Refusals(log)
    const isConnected = () => wire.isConnected()
    this.#keeper = new StreamKeeper({ ...options, ask: this.#ask, isConnected })
  }

  /** Makes the streams and begins to make consumers for others. @throws WE-SYS-003 */
  async start(): Promise<void> {
    this.#wire.onReconnected(() => {
      this.#reconnects++
      this.#restoreStreams()
    })
    if (!this.#options.manage) return
    await this.#keeper.ensureWithin(this.#options.openTimeoutMs)
    await this.respond(consumerSubject, async (request) => {
      await this.#keeper.ensureRequested(request, defaultAckWaitMs)
      return null
    })
  }

  async publish(subject: string, data: Json, options: { id?: string } = {}): Promise<void> {
    this.#checkOpen('publish')
    checkSubject(subject)
    const payload = payloadFrom(data, subject)
    const headers = envelopeHeaders(options.id)
    try {
      if (isStored(subject)) {
        const timeoutMs = answerTimeoutMs
        const answer = await this.#wire.request(subject, payload, { timeoutMs, headers })
        checkStored(answer.payload)
      } else {
        this.#wire.send(subject, payload, { headers })
        await this.#wire.flush()
      }
    } catch (failure) {
      if (!(failure instanceof WireFailure && failure.fault === 'no responders')) {
        throw busError(`publish on "${subject}"`, failure)
      }
      this.#restoreStreams()
      const message = `Cannot publish on "${subject}": its stream is missing`
      throw new WebEncodeError('WE-SYS-003', message, { cause: failure })
    }
  }

  async subscribe(
    filter: string,
    handler: (message: Message) => void | Promise<void>,
  ): Promise<Subscription> {
    this.#checkOpen('subscribe')
    checkFilter(filter)
    return await this.#listen(filter, undefined, (raw, running) => {
      if (running.isFull) return this.#drop(filter)
      const { subject } = raw
      const opened = openEnvelope(raw)
      if ('refusal' in opened) return this.#refusals.add(subject, opened.refusal)
      running.start(async () => {
        try {
          await handler({ subject, data: opened.data, id: idOf(raw) })
        } catch (error) {
          this.#log.error('a subscriber failed', { subject, error })
        }
      })
    })
  }

  async consume(
    options: ConsumeOptions,
    handler: (message: Message) => Promise<void>,
  ): Promise<Subscription> {
    this.#checkOpen('consume')
    checkFilter(options.filter)
    const consume = { concurrency: 1, ackWaitMs: defaultAckWaitMs, ...options }
    const ensure = () => this.#ensureConsumer(consume)
    const { wire, clock, log, pull } = this.#options
    const refusals = this.#refusals
    const parts = { wire, clock, log, refusals, consume, handler, ensure, times: pull }
    const consumer = new NatsConsumer(parts)
    const subscription = this.#keep(() => consumer.close())
    try {
      await consumer.start()
      return subscription
    } catch (failure) {
      await subscription.close()
      if (failure instanceof TypeError) throw failure
      throw busError(`consume "${options.filter}"`, failure)
    }
  }

  async request(subject: string, data: Json, { timeoutMs }: { timeoutMs: number }): Promise<Json> {
    this.#checkOpen('request')
    checkSubject(subject)
    const payload = payloadFrom(data, subject)
    const headers = envelopeHeaders()
    try {
      const answer = await this.#wire.request(subject, payload, { timeoutMs, headers })
      const opened = openEnvelope(answer)
      if ('data' in opened) return parseReply(opened.data)
      this.#refusals.add(subject, opened.refusal)
      throw new WireFailure('failed', `the answer cannot be read: ${opened.refusal.reason}`)
    } catch (failure) {
      throw busError(`get an answer from "${subject}"`, failure)
    }
  }

  async respond(subject: string, handler: (data: Json) => Promise<Json>): Promise<Subscription> {
    this.#checkOpen('respond')
    checkSubject(subject)
    return await this.#listen(subject, responderQueue, (raw, running) => {
      const { reply } = raw
      if (reply === undefined) return this.#refusals.add(subject, noAnswerWanted)
      running.start(async () => {
        const answer = running.isFull
          ? errorReplyFrom(tooMany(subject))
          : await this.#answer(raw, handler)
        this.#reply(reply, subject, answer)
      })
    })
  }

  async backlog(filter: string): Promise<number> {
    this.#checkOpen('count the backlog')
    checkFilter(filter)
    try {
      return await countWaiting(this.#ask, workStream, filter)
    } catch (failure) {
      throw busError(`count the backlog of "${filter}"`, failure)
    }
  }

  stats(): NatsBusStats {
    return {
      connected: this.#wire.isConnected(),
      reconnects: this.#reconnects,
      refused: this.#refusals.count,
      dropped: this.#dropped,
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#keeper.close()
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
    await this.#wire.close()
  }

  #checkOpen(action: string): void {
    if (this.#closed === undefined) return
    throw new WebEncodeError('WE-SYS-003', `Cannot ${action}: the bus is closed`)
  }

  async #listen(
    filter: string,
    queue: string | undefined,
    receive: (raw: WireMessage, running: Running) => void,
  ): Promise<Subscription> {
    const running = new Running(handlersAtMost)
    try {
      const subscription = await this.#wire.subscribe(filter, (raw) => receive(raw, running), queue)
      return this.#keep(async () => {
        await subscription.drain()
        await running.settled()
      })
    } catch (failure) {
      throw busError(`listen to "${filter}"`, failure)
    }
  }

  /** A subscription that the bus closes with itself, unless it was closed before. */
  #keep(end: () => Promise<void>): Subscription {
    let ended: Promise<void> | undefined
    const subscription: Subscription = {
      close: () => ended ??= end().finally(() => this.#subscriptions.delete(subscription)),
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  #drop(filter: string): void {
    if (this.#dropped++ > 0) return
    this.#log.error('handlers do not keep up; messages are dropped', { filter, handlersAtMost })
  }

  /** The reply to a request; never rejects. */
  async #answer(raw: WireMessage, handler: (data: Json) => Promise<Json>): Promise<Json> {
    const { subject } = raw
    const opened = openEnvelope(raw)
    if ('refusal' in opened) {
      this.#refusals.add(subject, opened.refusal)
      const message = `Cannot read a request on "${subject}": ${opened.refusal.reason}`
      return errorReplyFrom(new WebEncodeError('WE-SYS-003', message, { next: 'stop' }))
    }
    try {
      return replyFrom(await handler(opened.data))
    } catch (failure) {
      if (!(failure instanceof WebEncodeError)) {
        this.#log.error('a responder failed', { subject, error: failure })
      }
      return errorReplyFrom(failure)
    }
  }

  /** Sends a reply, or the reason why it cannot be sent. Without a connection the asker waits until its time is over. */
  #reply(inbox: string, subject: string, reply: Json): void {
    const headers = envelopeHeaders()
    try {
      this.#wire.send(inbox, replyText(reply, subject), { headers })
    } catch (failure) {
      this.#log.warn('cannot send an answer', { subject, reason: messageOf(failure) })
    }
  }

  readonly #ask: AskJetStream = async (subject, body) =>
    (await this.#wire.request(subject, body, { timeoutMs: answerTimeoutMs })).payload

  /** The store may have been wiped. */
  #restoreStreams(): void {
    if (this.#options.manage) this.#keeper.ensureSoon()
  }

  async #ensureConsumer({ filter, name, ackWaitMs }: WorkConsumer): Promise<void> {
    if (this.#options.manage) return this.#keeper.ensureConsumer({ filter, name, ackWaitMs })
    if (name !== consumerName(filter)) {
      throw new TypeError(`Consumer must be named "${consumerName(filter)}"; got "${name}"`)
    }
    await this.request(consumerSubject, { filter }, { timeoutMs: answerTimeoutMs })
  }
}

const noAnswerWanted = {
  kind: 'no answer wanted',
  reason: 'a request must name where the answer goes',
} as const

function replyText(reply: Json, subject: string): string {
  try {
    return payloadFrom(reply, subject)
  } catch (failure) {
    return payloadFrom(errorReplyFrom(failure), subject)
  }
}

function tooMany(subject: string): WebEncodeError {
  const message = `Cannot answer on "${subject}": ${handlersAtMost} requests are being answered`
  return new WebEncodeError('WE-SYS-004', message, { retryAfterSeconds: 1 })
}
