/** Reads what changed: many things in one go, each not too often, and those that nobody announces from time to time. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'

export interface BatchReaderOptions<T> {
  readonly clock: Clock
  readonly log: Log
  /** Least time between two reads of one thing, in milliseconds. */
  readonly restMs: number
  /** Answers what there is, by name; what is gone is missing. */
  readonly read: (names: readonly string[]) => Promise<ReadonlyMap<string, T>>
  /** What was read; undefined when the thing is gone. */
  readonly onRead: (name: string, value: T | undefined) => void
}

/** What is not announced is read again this often, in milliseconds: announcements may be lost. */
const pollMs = 2000
/** What would be due so soon is polled together with what is due now, in milliseconds: few batches, not one for each. */
const pollTogetherMs = 500
/** Least time between the beginnings of two batches, in milliseconds, so that a stream of changes makes few of them. */
const gapMs = 50
/** Things read in one batch. */
const batchSize = 256

/** Keeps things current. One batch runs at a time. */
export class BatchReader<T> {
  readonly #options: BatchReaderOptions<T>
  /** When each thing was read last; those that were read come in this order. */
  readonly #readAtMs = new Map<string, number>()
  /** New, or announced since they were read; whoever waits longest comes first. */
  readonly #changed = new Set<string>()
  #lastBatchMs = -Infinity
  #batch: Promise<void> | undefined
  #wakeAtMs = Infinity
  #cancelWake = () => {}
  #isClosed = false

  constructor(options: BatchReaderOptions<T>) {
    this.#options = options
  }

  /** Reads a thing as soon as it can, and from then on when it changes. */
  add(name: string): void {
    this.#readAtMs.set(name, -Infinity)
    this.#changed.add(name)
    this.#wakeBy(this.#dueMs(name))
  }

  /** Reads a thing no more. */
  remove(name: string): void {
    this.#readAtMs.delete(name)
    this.#changed.delete(name)
  }

  /** Something says that a thing changed; nothing happens for one that was not added. */
  announce(name: string): void {
    if (!this.#readAtMs.has(name) || this.#changed.has(name)) return
    this.#changed.add(name)
    this.#wakeBy(this.#dueMs(name))
  }

  /** Stops, and waits for the batch that runs. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelWake()
    await this.#batch
  }

  #dueMs(name: string): number {
    const readAtMs = this.#readAtMs.get(name) ?? -Infinity
    return readAtMs === -Infinity
      ? readAtMs
      : Math.max(readAtMs + this.#options.restMs, this.#lastBatchMs + gapMs)
  }

  #wakeBy(dueMs: number): void {
    if (this.#isClosed || this.#batch !== undefined || dueMs >= this.#wakeAtMs) return
    const { clock } = this.#options
    this.#cancelWake()
    const waitMs = dueMs - clock.now()
    if (waitMs <= 0) return this.#begin()
    this.#wakeAtMs = dueMs
    this.#cancelWake = clock.after(waitMs, () => this.#begin())
  }

  #begin(): void {
    this.#wakeAtMs = Infinity
    const nowMs = this.#options.clock.now()
    const names = this.#takeDue(nowMs)
    if (names.length === 0) return this.#wakeForNext()
    this.#lastBatchMs = nowMs
    this.#batch = this.#readAll(names).finally(() => {
      this.#batch = undefined
      this.#wakeForNext()
    })
  }

  /** What changed comes first; the rest of the batch are those that were read longest ago. */
  #takeDue(nowMs: number): string[] {
    const names: string[] = []
    for (const name of this.#changed) {
      if (names.length === batchSize) break
      if (this.#dueMs(name) <= nowMs) names.push(name)
    }
    for (const [name, readAtMs] of this.#readAtMs) {
      if (names.length === batchSize || readAtMs + pollMs - pollTogetherMs > nowMs) break
      if (!this.#changed.has(name)) names.push(name)
    }
    for (const name of names) {
      this.#changed.delete(name)
      this.#readAtMs.delete(name)
      this.#readAtMs.set(name, nowMs)
    }
    return names
  }

  async #readAll(names: readonly string[]): Promise<void> {
    const { read, onRead, log } = this.#options
    try {
      const values = await read(names)
      for (const name of names) {
        if (!this.#isClosed && this.#readAtMs.has(name)) onRead(name, values.get(name))
      }
    } catch (error) {
      log.warn('could not read what is watched live', { topics: names.length, error })
    }
  }

  #wakeForNext(): void {
    const [oldestMs = Infinity] = this.#readAtMs.values()
    let dueMs = oldestMs === -Infinity
      ? Infinity
      : Math.max(oldestMs + pollMs, this.#lastBatchMs + gapMs)
    for (const name of this.#changed) dueMs = Math.min(dueMs, this.#dueMs(name))
    if (dueMs < Infinity) this.#wakeBy(dueMs)
  }
}
