/** The calls of the last minute, and what they say about a plugin. */
import type { CallHealth } from './model.ts'

/** What the calls of the last minute say. */
export interface Judgement {
  readonly health: CallHealth
  /** More than one call in twenty fails: a version under watch has to go. */
  readonly isErroneous: boolean
  /** A sentence for people; null when all is well. */
  readonly problem: string | null
}

/** Above this a call is late, in milliseconds. */
const lateMs = 1000
const windowSeconds = 60
const erroneousShare = 0.05
const failingShare = 0.1
/** With fewer calls than this, a single bad one says nothing. */
const enoughCalls = 20
/** As many bad calls say something, however few there were. */
const enoughBad = 3

interface Second {
  second: number
  calls: number
  errors: number
  late: number
}

/** Counts calls by the second. Its size does not depend on how many there are. */
export class CallWindow {
  readonly #seconds: Second[] = Array.from({ length: windowSeconds }, () => emptySecond(-1))

  /** Counts a call that ended at `nowMs`. */
  record(nowMs: number, durationMs: number, isOk: boolean): void {
    const second = Math.floor(nowMs / 1000)
    const slot = second % windowSeconds
    let counted = this.#seconds[slot]!
    if (counted.second !== second) this.#seconds[slot] = counted = emptySecond(second)
    counted.calls += 1
    if (!isOk) counted.errors += 1
    if (durationMs > lateMs) counted.late += 1
  }

  /** What the minute before `nowMs` says. */
  judge(nowMs: number): Judgement {
    const from = Math.floor(nowMs / 1000) - windowSeconds
    let [calls, errors, late] = [0, 0, 0]
    for (const counted of this.#seconds) {
      if (counted.second <= from) continue
      calls += counted.calls
      errors += counted.errors
      late += counted.late
    }
    const failed = shareOf(errors, calls)
    const isErroneous = failed > erroneousShare
    if (isErroneous) {
      const problem = `${errors} of ${calls} calls of the last minute failed`
      return { health: failed > failingShare ? 'failing' : 'degraded', isErroneous, problem }
    }
    // More than one call in twenty is late: the 95th percentile is.
    if (shareOf(late, calls) <= erroneousShare) {
      return { health: 'healthy', isErroneous, problem: null }
    }
    const problem = `${late} of ${calls} calls of the last minute took more than ${lateMs} ms`
    return { health: 'degraded', isErroneous, problem }
  }
}

/** 0 when there were too few to say. */
function shareOf(bad: number, calls: number): number {
  return calls >= enoughCalls || bad >= enoughBad ? bad / calls : 0
}

function emptySecond(second: number): Second {
  return { second, calls: 0, errors: 0, late: 0 }
}
