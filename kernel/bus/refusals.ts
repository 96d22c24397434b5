/** Counts the messages that were refused, and logs the first of each kind and subject. */
import type { Log } from '../log.ts'
import type { Refusal } from './envelope.ts'

/** Kinds and subjects remembered; a flood of made-up subjects is only counted. */
const rememberedAtMost = 1_000

/** The refused messages of one bus. */
export class Refusals {
  readonly #log: Log
  readonly #logged = new Set<string>()
  #count = 0

  constructor(log: Log) {
    this.#log = log
  }

  get count(): number {
    return this.#count
  }

  add(subject: string, { kind, reason }: Refusal): void {
    this.#count++
    const key = `${kind} ${subject}`
    if (this.#logged.has(key) || this.#logged.size >= rememberedAtMost) return
    this.#logged.add(key)
    this.#log.warn('refused a message; further ones like it are only counted', {
      kind,
      subject,
      reason,
    })
  }
}
