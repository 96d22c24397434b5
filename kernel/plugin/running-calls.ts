/** How many calls run, and when the last one ended. */

/** Counts calls. */
export interface RunningCalls {
  /** @returns to be called once, when the call has ended */
  begin(): () => void
  /** Resolves when none runs, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void>
}

export function createRunningCalls(): RunningCalls {
  const waiting = new Set<() => void>()
  let running = 0
  return {
    begin() {
      running++
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        if (--running === 0) { for (const resolve of waiting) resolve() }
      }
    },
    async idle(timeoutMs) {
      if (running === 0 || timeoutMs <= 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      const timer = setTimeout(resolve, timeoutMs)
      await promise
      clearTimeout(timer)
      waiting.delete(resolve)
    },
  }
}
