/** What a task does after a failed attempt: a pure policy over the kind of failure and the attempts that are left. */
import type { FailureKind, TaskKind } from '../../kernel/contract/task.ts'

const baseDelayMs = 5_000
const maxDelayMs = 300_000

/** What the policy looks at. */
export interface FailedAttempt {
  readonly kind: TaskKind
  readonly failure: FailureKind
  /** Attempts that count, the failed one included; at least 1. */
  readonly used: number
  /** Attempts that the task may use. */
  readonly granted: number
}

/**
 * What comes next. `retry` after `delayMs`, on another worker if `avoidWorker`; `redo`: not this task's fault, its
 * inputs have to be made again; `fail`: for good.
 */
export type Verdict =
  | { readonly next: 'retry'; readonly delayMs: number; readonly avoidWorker: boolean }
  | { readonly next: 'redo' }
  | { readonly next: 'fail' }

/** Judges a failed attempt. A broken source is never tried again; a lost worker is replaced at once. */
export function verdictOn(attempt: FailedAttempt): Verdict {
  if (needsNewInputs(attempt)) return { next: 'redo' }
  if (attempt.failure === 'invalid-input' || attempt.used >= attempt.granted) {
    return { next: 'fail' }
  }
  return {
    next: 'retry',
    delayMs: attempt.failure === 'lost' ? 0 : retryDelayMs(attempt.used),
    avoidWorker: attempt.failure === 'out-of-memory' || attempt.failure === 'damaged-output',
  }
}

/**
 * Milliseconds to wait after the attempt with this number.
 *
 * 5 s, 10 s, 20 s and so on, at most 5 minutes.
 */
export function retryDelayMs(used: number): number {
  return Math.min(baseDelayMs * 2 ** (used - 1), maxDelayMs)
}

/** Only stitch and verify read what other tasks made; a wrong final file is the fault of whoever made it. */
function needsNewInputs({ kind, failure }: FailedAttempt): boolean {
  if (kind === 'verify') return failure === 'damaged-input' || failure === 'wrong-output'
  return kind === 'stitch' && failure === 'damaged-input'
}
