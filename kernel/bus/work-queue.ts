/** The in-process work queue: bounded, without doubles, each message to one consumer until it is acknowledged. */
import type { Clock } from '../clock.ts'
import { WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ConsumeOptions, Message, Subscription } from './bus.ts'
import { isMatch, isOverlap } from './filter.ts'
import { dataFrom } from './payload.ts'

/** Window in which a second message with the same id is dropped: JetStream's default, 2 minutes. */
const dedupeMs = 120_000
const defaultAckWaitMs = 30_000
/** Delay after the first failure of a handler; doubles with every further one up to the ack wait. */
const firstRetryMs = 100

interface Entry {
  /** Place in the order of arrival. */
  readonly sequence: number
  readonly subject: string
  readonly payload: string
  readonly id: string | undefined
  deliveries: number
  acknowledged: boolean
}

interface Consumer {
  readonly options: Required<ConsumeOptions>
  readonly handler: (message: Message) => Promise<void>
  readonly running: Set<Promise<void>>
}

export interface WorkQueueOptions {
  readonly clock: Clock
  readonly log: Log
  /** Messages kept at most, waiting and in hand. */
  readonly capacity: number
}

/** Keeps the messages below the work prefix. */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  /** By subject, oldest first: a lane that nobody serves must not slow the others. */
  readonly #waiting = new Map<string, Set<Entry>>()
  /** In hand, or waiting for another try. */
  readonly #pending = new Set<Entry>()
  /** Ids seen lately and when each is forgotten, oldest first. */
  readonly #seen = new Map<string, number>()
  readonly #consumers = new Set<Consumer>()
  readonly #timers = new Set<() => void>()
  #lastSequence = 0
  #waitingCount = 0

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** Keeps a message, unless one with its id came in the last 2 minutes. @throws WE-SYS-003 when full */
  add(subject: string, payload: string, id: string | undefined): void {
    if (id !== undefined && this.#isSeen(id)) return
    const size = this.#waitingCount + this.#pending.size
    if (size >= this.#options.capacity) {
      throw new WebEncodeError(
        'WE-SYS-003',
        `Cannot queue a message for "${subject}": the queue holds ${size} messages, its limit`,
      )
    }
    if (id !== undefined) this.#seen.set(id, this.#options.clock.now() + dedupeMs)
    const sequence = ++this.#lastSequence
    this.#wait({ sequence, subject, payload, id, deliveries: 0, acknowledged: false })
  }

  /** Messages that nobody has in hand. */
  backlog(filter: string): number {
    let count = 0
    for (const [subject, entries] of this.#waiting) {
      if (isMatch(filter, subject)) count += entries.size
    }
    return count
  }

  /** @throws TypeError when another consumer's filter would compete: each message has one consumer name */
  consume(options: ConsumeOptions, handler: Consumer['handler']): Subscription {
    this.#checkShare(options)
    const defaults = { concurrency: 1, ackWaitMs: defaultAckWaitMs }
    const consumer: Consumer = {
      options: { ...defaults, ...options },
      handler,
      running: new Set(),
    }
    this.#consumers.add(consumer)
    this.#dispatch()
    return {
      close: async () => {
        this.#consumers.delete(consumer)
        await Promise.all(consumer.running)
      },
    }
  }

  /** Waits for the handlers that run and stops every timer. */
  async close(): Promise<void> {
    const running = [...this.#consumers].flatMap((consumer) => [...consumer.running])
    this.#consumers.clear()
    await Promise.all(running)
    for (const cancel of this.#timers) cancel()
  }

  #isSeen(id: string): boolean {
    const now = this.#options.clock.now()
    for (const [old, forgetAt] of this.#seen) {
      if (forgetAt > now) break
      this.#seen.delete(old)
    }
    return this.#seen.has(id)
  }

  #checkShare({ name, filter }: ConsumeOptions): void {
    for (const { options } of this.#consumers) {
      const isRival = options.name !== name && isOverlap(options.filter, filter)
      const isTwisted = options.name === name && options.filter !== filter
      if (!isRival && !isTwisted) continue
      throw new TypeError(
        `Consumer "${name}" of "${filter}" competes with consumer "${options.name}" of "${options.filter}"`,
      )
    }
  }

  /** Hands messages out, one to each free consumer in turn, until there is no pair left. */
  #dispatch(): void {
    for (let hasHanded = true; hasHanded;) {
      hasHanded = false
      for (const consumer of this.#consumers) {
        if (consumer.running.size >= consumer.options.concurrency) continue
        const entry = this.#oldest(consumer.options.filter)
        if (entry === undefined) continue
        this.#deliver(entry, consumer)
        hasHanded = true
      }
    }
  }

  #oldest(filter: string): Entry | undefined {
    let oldest: Entry | undefined
    for (const [subject, entries] of this.#waiting) {
      if (!isMatch(filter, subject)) continue
      const [first] = entries
      if (first && (oldest === undefined || first.sequence < oldest.sequence)) oldest = first
    }
    return oldest
  }

  #wait(entry: Entry): void {
    const entries = this.#waiting.get(entry.subject) ?? new Set()
    this.#waiting.set(entry.subject, entries.add(entry))
    this.#waitingCount++
    this.#dispatch()
  }

  #unwait(entry: Entry): void {
    const entries = this.#waiting.get(entry.subject)
    if (!entries?.delete(entry)) return
    this.#waitingCount--
    if (entries.size === 0) this.#waiting.delete(entry.subject)
  }

  #deliver(entry: Entry, consumer: Consumer): void {
    this.#unwait(entry)
    this.#pending.add(entry)
    entry.deliveries++
    const cancelAckWait = this.#later(consumer.options.ackWaitMs, () => this.#putBack(entry))
    const message = { subject: entry.subject, data: dataFrom(entry.payload), id: entry.id }
    const run = Promise.resolve()
      .then(() => consumer.handler(message))
      .then(() => this.#acknowledge(entry), (failure: unknown) => {
        this.#options.log.warn('a work handler failed; its message comes again', {
          subject: entry.subject,
          deliveries: entry.deliveries,
          error: failure,
        })
        const delayMs = firstRetryMs * 2 ** (entry.deliveries - 1)
        this.#later(Math.min(delayMs, consumer.options.ackWaitMs), () => this.#putBack(entry))
      })
      .finally(() => {
        cancelAckWait()
        consumer.running.delete(run)
        this.#dispatch()
      })
    consumer.running.add(run)
  }

  #acknowledge(entry: Entry): void {
    entry.acknowledged = true
    this.#pending.delete(entry)
    this.#unwait(entry)
  }

  #putBack(entry: Entry): void {
    if (entry.acknowledged || !this.#pending.delete(entry)) return
    this.#wait(entry)
  }

  #later(delayMs: number, callback: () => void): () => void {
    const stop = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      callback()
    })
    const cancel = () => {
      stop()
      this.#timers.delete(cancel)
    }
    this.#timers.add(cancel)
    return cancel
  }
}
