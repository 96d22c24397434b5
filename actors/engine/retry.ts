/** How long to wait before trying a failed transaction, event or effect again. Pure functions. */
import { sqlState } from '../../kernel/db/database.ts'

/** Exponential backoff: `firstMs` doubled with every attempt after the first, at most `mostMs`. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, attempt - 1), mostMs)
}

/** Attempts of a transaction before its callers are told: about 2.5 s of waiting. */
export const transactionAttempts = 8

export function transactionDelayMs(attempt: number): number {
  return backoffMs(attempt, 20, 1000)
}

/** Attempts of an event that throws before it is quarantined. */
export const eventAttempts = 3

export function eventDelayMs(attempt: number): number {
  return backoffMs(attempt, 50, 1000)
}

/** Attempts of an effect before it becomes a dead letter: about 70 minutes. */
export const effectAttempts = 20

export function effectDelayMs(attempt: number): number {
  return backoffMs(attempt, 500, 300_000)
}

/**
 * Whether the same transaction may succeed later. Data errors (SQLSTATE classes 22, 23, 42 …) fail every time; a lost
 * connection has no SQLSTATE at all, and two kernels that create one actor at once end in 23505 for one of them.
 */
export function isTransient(failure: unknown): boolean {
  const state = sqlState(failure)
  return state === undefined || state === '23505' || /^(08|25|40|53|55|57|58)/.test(state)
}
