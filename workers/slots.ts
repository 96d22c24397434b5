/** A fixed number of slots, given out in the order they were asked for. */

/** Slots for things that run at the same time. */
export interface Slots {
  /**
   * Waits for a free slot; the answer gives it back.
   * @throws the signal's reason when aborted while waiting
   */
  take(signal: AbortSignal): Promise<() => void>
}

/** `count` free slots. @throws RangeError unless count is a whole number of at least 1 */
export function createSlots(count: number): Slots {
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`There must be at least 1 slot, found ${count}`)
  }
  const waiting = new Set<() => void>()
  let free = count

  const giveBack = () => {
    const [next] = waiting
    if (next === undefined) return void free++
    waiting.delete(next)
    next()
  }

  return {
    async take(signal) {
      signal.throwIfAborted()
      if (free > 0) {
        free--
        return giveBack
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const abort = () => reject(signal.reason)
      waiting.add(resolve)
      signal.addEventListener('abort', abort, { once: true })
      try {
        await promise
        return giveBack
      } finally {
        waiting.delete(resolve)
        signal.removeEventListener('abort', abort)
      }
    },
  }
}
