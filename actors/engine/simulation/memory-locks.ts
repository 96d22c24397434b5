/** Row locks of the in-memory store: waiting, and deadlocks found when they close. */

/** A failure as a database driver reports it. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly code: string
  /** @param code - the SQLSTATE */
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Whoever can hold locks. */
export interface LockOwner {
  /** The owner it waits for. */
  waitsFor: LockOwner | undefined
  /** An owner that has ended takes no more locks. */
  readonly ended: boolean
}

export class MemoryLocks {
  readonly #holders = new Map<string, LockOwner>()
  readonly #waiters = new Map<LockOwner, (() => void)[]>()

  /**
   * Takes the locks one by one, waiting for each.
   * @throws StoreFailure 40P01 when two owners wait for each other; 57P01 when the owner ended while it waited
   */
  async acquire(owner: LockOwner, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      for (
        let holder = this.#holders.get(key);
        holder !== undefined && holder !== owner;
        holder = this.#holders.get(key)
      ) {
        await this.#waitFor(owner, holder)
      }
      this.#holders.set(key, owner)
    }
  }

  /** Takes the lock if nobody else has it: `SKIP LOCKED`. */
  tryAcquire(owner: LockOwner, key: string): boolean {
    const holder = this.#holders.get(key)
    if (holder !== undefined && holder !== owner) return false
    this.#holders.set(key, owner)
    return true
  }

  releaseAll(owner: LockOwner): void {
    for (const [key, holder] of this.#holders) {
      if (holder === owner) this.#holders.delete(key)
    }
    const waiters = this.#waiters.get(owner) ?? []
    this.#waiters.delete(owner)
    for (const resume of waiters) resume()
  }

  async #waitFor(owner: LockOwner, holder: LockOwner): Promise<void> {
    for (let at: LockOwner | undefined = holder; at !== undefined; at = at.waitsFor) {
      if (at === owner) throw new StoreFailure('40P01', 'deadlock detected')
    }
    owner.waitsFor = holder
    await new Promise<void>((resume) => {
      const waiters = this.#waiters.get(holder)
      if (waiters === undefined) this.#waiters.set(holder, [resume])
      else waiters.push(resume)
    })
    owner.waitsFor = undefined
    if (owner.ended) throw new StoreFailure('57P01', 'the transaction ended while it waited')
  }
}
