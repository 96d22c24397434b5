/** The log of one task that people read: its first and last lines, whatever it prints. */

/** Characters kept of the beginning, and again of the end. */
const keptCharacters = 512 * 1024
const maxLineCharacters = 8_000

/** Collects the lines of one attempt. */
export class TaskLog {
  readonly #now: () => number
  readonly #head: string[] = []
  readonly #tail: string[] = []
  #headSize = 0
  #tailSize = 0
  #dropped = 0

  /** @param now - milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Appends a line, with its time. */
  record(text: string): void {
    const line = `${new Date(this.#now()).toISOString()} ${text.slice(0, maxLineCharacters)}\n`
    if (this.#tail.length === 0 && this.#headSize + line.length <= keptCharacters) {
      this.#head.push(line)
      this.#headSize += line.length
      return
    }
    this.#tail.push(line)
    this.#tailSize += line.length
    if (this.#tailSize > 2 * keptCharacters) this.#trim()
  }

  /** Everything that was kept. */
  get text(): string {
    this.#trim()
    const gap = this.#dropped === 0 ? [] : [`... ${this.#dropped} lines left out ...\n`]
    return [...this.#head, ...gap, ...this.#tail].join('')
  }

  #trim(): void {
    let count = 0
    for (; this.#tailSize > keptCharacters; count++) {
      this.#tailSize -= this.#tail[count]?.length ?? 0
    }
    this.#tail.splice(0, count)
    this.#dropped += count
  }
}
