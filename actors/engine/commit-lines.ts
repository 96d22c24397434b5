/** As many lines of deliveries as the store runs transactions side by side. An actor keeps to its line, so its events keep their order. */
import type { Delivery, Outcome } from './delivery.ts'
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts'
import type { Work } from './transact.ts'

/** The same calls as a {@link GroupCommit}, over all lines. */
export class CommitLines {
  readonly #lines: readonly GroupCommit[]
  #turn = 0

  constructor(options: GroupCommitOptions) {
    const { store: { concurrency }, capacity } = options
    const own = { ...options, capacity: Math.ceil(capacity / concurrency) }
    this.#lines = Array.from({ length: concurrency }, () => new GroupCommit(own))
  }

  /** See {@link GroupCommit.deliver}. */
  deliver(delivery: Delivery, options?: { readonly inner?: boolean }): Promise<Outcome> {
    return this.#line(hashOf(delivery.actorId)).deliver(delivery, options)
  }

  /** See {@link GroupCommit.alone}; the lines take turns. */
  alone<T>(work: Work<T>): Promise<T> {
    return this.#line(this.#turn++).alone(work)
  }

  get waiting(): number {
    return this.#lines.reduce((sum, line) => sum + line.waiting, 0)
  }

  /** Resolves when every delivery has its answer. */
  async drained(): Promise<void> {
    while (this.waiting > 0) await Promise.all(this.#lines.map((line) => line.drained()))
  }

  #line(n: number): GroupCommit {
    return this.#lines[n % this.#lines.length]!
  }
}

/** Spreads names evenly: FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
