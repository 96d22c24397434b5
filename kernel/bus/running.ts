/** The handlers that run: a bound for how many, and a way to wait for all of them. */

/** Handlers of one subscription. */
export class Running {
  readonly #limit: number
  readonly #runs = new Set<Promise<void>>()

  /** @param limit - handlers that may run at the same time */
  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.#runs.size >= this.#limit
  }

  /** Starts `handle`, which must not reject. */
  start(handle: () => Promise<void>): void {
    const run = handle().finally(() => this.#runs.delete(run))
    this.#runs.add(run)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#runs)
  }
}
