/** A clock that only moves when it is told to, and a queue of what is due. */
import type { Clock } from '../../../kernel/clock.ts'

export interface VirtualClock extends Clock {
  /**
   * Moves to the next due time and runs what is due then, letting all promises settle after it.
   * @returns false when nothing waits
   */
  advance(): Promise<boolean>
  /** Milliseconds since the epoch at which something is due; Infinity when nothing waits. */
  readonly nextAt: number
}

interface Due {
  readonly at: number
  readonly order: number
  callback: (() => void) | undefined
}

/** @param startMs - milliseconds since the epoch */
export function createVirtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let now = startMs
  let order = 0
  const heap: Due[] = []

  const clock: VirtualClock = {
    now: () => now,
    after(delayMs, callback) {
      const due: Due = { at: now + Math.max(0, delayMs), order: order++, callback }
      push(heap, due)
      return () => {
        due.callback = undefined
      }
    },
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = clock.after(delayMs, resolve)
        signal?.addEventListener('abort', () => {
          cancel()
          reject(signal.reason)
        }, { once: true })
      })
    },
    async advance() {
      dropCancelled(heap)
      if (heap.length === 0) return false
      now = Math.max(now, heap[0]!.at)
      while (heap.length > 0 && heap[0]!.at <= now) {
        pop(heap)!.callback?.()
        await settled()
      }
      return true
    },
    get nextAt() {
      dropCancelled(heap)
      return heap[0]?.at ?? Infinity
    },
  }
  return clock
}

/** Resolves when no promise can move any more without the clock. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function dropCancelled(heap: Due[]): void {
  while (heap.length > 0 && heap[0]!.callback === undefined) pop(heap)
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}

function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(due, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = due
}

function pop(heap: Due[]): Due | undefined {
  const [top, last] = [heap[0], heap.pop()]
  if (last === undefined || last === top) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return top
}
