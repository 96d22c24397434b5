/** A clock of tests that stands still until it is moved. */
import { type Clock, systemClock } from '../clock.ts'

/** A clock that stands still; `pass` moves it and fires what is due. */
export interface HandClock extends Clock {
  pass(ms: number): void
}

/** Creates a clock at a fixed time. */
export function createHandClock(): HandClock {
  let nowMs = 1_700_000_000_000
  let timers: { atMs: number; callback: () => void }[] = []
  return {
    ...systemClock,
    now: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
    pass(ms) {
      nowMs += ms
      const due = timers.filter(({ atMs }) => atMs <= nowMs)
      timers = timers.filter(({ atMs }) => atMs > nowMs)
      for (const { callback } of due) callback()
    },
  }
}
