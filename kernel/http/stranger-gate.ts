/** Bounds the rows that strangers can make in the audit; what is left out is counted. */
import type { Clock } from '../clock.ts'

/** Rows of refused strangers in a minute, of one kernel. */
const rowsPerMinute = 60
const minuteMs = 60_000

export interface StrangerGate {
  /** Room for one row, and how many were left out since the one before; undefined when there is none. */
  enter(): { readonly unrecorded: number } | undefined
}

/** Creates a gate that is open at first. */
export function createStrangerGate(clock: Pick<Clock, 'now'>): StrangerGate {
  let startMs = clock.now()
  let rows = 0
  let unrecorded = 0
  return {
    enter() {
      if (clock.now() - startMs >= minuteMs) {
        startMs = clock.now()
        rows = 0
      }
      if (rows >= rowsPerMinute) {
        unrecorded++
        return undefined
      }
      rows++
      const left = { unrecorded }
      unrecorded = 0
      return left
    },
  }
}
