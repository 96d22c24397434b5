/** The bus inside one process: what NATS does for many, without a server. Losing it loses nothing durable. */
import type { Clock } from '../clock.ts'
import type { Json } from '../contract/json.ts'
import { WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Bus, Message, Subscription } from './bus.ts'
import { checkFilter, checkSubject, isMatch } from './filter.ts'
import { dataFrom, payloadFrom } from './payload.ts'
import { errorReplyFrom, parseReply, replyFrom } from './reply.ts'
import { workPrefix } from './subjects.ts'
import { WorkQueue } from './work-queue.ts'

export interface MemoryBusOptions {
  readonly clock: Clock
  readonly log: Log
  /** Messages that the work queue holds at most. @default 100_000 */
  readonly capacity?: number
}

interface Subscriber {
  readonly filter: string
  readonly handler: (message: Message) => void | Promise<void>
  readonly running: Set<Promise<void>>
}

interface Responder {
  readonly handler: (data: Json) => Promise<Json>
  readonly running: Set<Promise<void>>
}

/** A bus for the parts of one process. Data is copied through JSON, so that it behaves as over a network. */
export function createMemoryBus(options: MemoryBusOptions): Bus {
  return new MemoryBus(options)
}

class MemoryBus implements Bus {
  readonly #clock: Clock
  readonly #log: Log
  readonly #queue: WorkQueue
  readonly #subscribers = new Set<Subscriber>()
  /** By subject; the first one answers next. */
  readonly #responders = new Map<string, Responder[]>()
  #closed = false

  constructor({ clock, log, capacity = 100_000 }: MemoryBusOptions) {
    this.#clock = clock
    this.#log = log
    this.#queue = new WorkQueue({ clock, log, capacity })
  }

  async publish(subject: string, data: Json, options: { id?: string } = {}): Promise<void> {
    this.#checkOpen('publish')
    checkSubject(subject)
    const payload = payloadFrom(data, subject)
    if (isMatch(`${workPrefix}.>`, subject)) this.#queue.add(subject, payload, options.id)
    for (const subscriber of this.#subscribers) {
      if (!isMatch(subscriber.filter, subject)) continue
      this.#hand(subscriber, { subject, data: dataFrom(payload), id: options.id })
    }
  }

  async subscribe(filter: string, handler: Subscriber['handler']): Promise<Subscription> {
    this.#checkOpen('subscribe')
    checkFilter(filter)
    const subscriber: Subscriber = { filter, handler, running: new Set() }
    this.#subscribers.add(subscriber)
    return {
      close: async () => {
        this.#subscribers.delete(subscriber)
        await Promise.all(subscriber.running)
      },
    }
  }

  async consume(
    options: Parameters<Bus['consume']>[0],
    handler: (message: Message) => Promise<void>,
  ): Promise<Subscription> {
    this.#checkOpen('consume')
    checkFilter(options.filter)
    return this.#queue.consume(options, handler)
  }

  async request(subject: string, data: Json, { timeoutMs }: { timeoutMs: number }): Promise<Json> {
    this.#checkOpen('request')
    checkSubject(subject)
    const payload = payloadFrom(data, subject)
    const responder = this.#nextResponder(subject)
    if (responder === undefined) throw noAnswer(subject, 'nobody listens')
    const { promise: late, reject } = Promise.withResolvers<never>()
    const cancel = this.#clock.after(
      timeoutMs,
      () => reject(noAnswer(subject, `no reply within ${timeoutMs} ms`)),
    )
    try {
      const reply = await Promise.race([this.#answer(responder, payload, subject), late])
      return parseReply(dataFrom(reply))
    } finally {
      cancel()
    }
  }

  async respond(subject: string, handler: Responder['handler']): Promise<Subscription> {
    this.#checkOpen('respond')
    checkSubject(subject)
    const responder: Responder = { handler, running: new Set() }
    this.#responders.set(subject, [...this.#responders.get(subject) ?? [], responder])
    return {
      close: async () => {
        const others = (this.#responders.get(subject) ?? []).filter((each) => each !== responder)
        if (others.length === 0) this.#responders.delete(subject)
        else this.#responders.set(subject, others)
        await Promise.all(responder.running)
      },
    }
  }

  async backlog(filter: string): Promise<number> {
    this.#checkOpen('count the backlog')
    checkFilter(filter)
    return this.#queue.backlog(filter)
  }

  async close(): Promise<void> {
    this.#closed = true
    const responders = [...this.#responders.values()].flat()
    const running = [...this.#subscribers, ...responders].flatMap((each) => [...each.running])
    this.#subscribers.clear()
    this.#responders.clear()
    await Promise.all([this.#queue.close(), ...running])
  }

  #checkOpen(action: string): void {
    if (!this.#closed) return
    throw new WebEncodeError('WE-SYS-003', `Cannot ${action}: the bus is closed`)
  }

  #hand(subscriber: Subscriber, message: Message): void {
    const run = Promise.resolve()
      .then(() => subscriber.handler(message))
      .catch((failure: unknown) => {
        this.#log.error('a subscriber failed', { subject: message.subject, error: failure })
      })
      .finally(() => subscriber.running.delete(run))
    subscriber.running.add(run)
  }

  #nextResponder(subject: string): Responder | undefined {
    const [next, ...others] = this.#responders.get(subject) ?? []
    if (next !== undefined) this.#responders.set(subject, [...others, next])
    return next
  }

  /** The reply as JSON text; never rejects. */
  async #answer(responder: Responder, payload: string, subject: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>()
    responder.running.add(promise)
    try {
      const value = await Promise.resolve().then(() => responder.handler(dataFrom(payload)))
      return payloadFrom(replyFrom(value), subject)
    } catch (failure) {
      if (!(failure instanceof WebEncodeError)) {
        this.#log.error('a responder failed', { subject, error: failure })
      }
      return payloadFrom(errorReplyFrom(failure), subject)
    } finally {
      responder.running.delete(promise)
      resolve()
    }
  }
}

function noAnswer(subject: string, reason: string): WebEncodeError {
  return new WebEncodeError('WE-SYS-003', `Cannot get an answer from "${subject}": ${reason}`)
}
