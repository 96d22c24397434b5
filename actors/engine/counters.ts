/** What an engine has done since it was made. */
import { type Outcome, outcomeStatuses } from './delivery.ts'

export interface Counters {
  /** Deliveries by what became of them. */
  readonly outcomes: Record<Outcome['status'], number>
  /** Committed transactions, and those that were tried again. */
  transactions: number
  retries: number
  /** Effects delivered, failed attempts, and those given up. */
  effects: number
  effectFailures: number
  effectsQuarantined: number
}

export function createCounters(): Counters {
  const outcomes = Object.fromEntries(
    outcomeStatuses.map((status) => [status, 0]),
  ) as Counters['outcomes']
  return {
    outcomes,
    transactions: 0,
    retries: 0,
    effects: 0,
    effectFailures: 0,
    effectsQuarantined: 0,
  }
}
