/** What goes wrong in one schedule, and how often. */
import type { Random } from './random.ts'

/** Steps before and after which a process can die; the store calls, the commit, the bus. */
export const crashSteps = [
  'before begin',
  'before open',
  'after open',
  'before pickReady',
  'after pickReady',
  'before write',
  'after write',
  'before commit',
  'after commit',
  'before takeOutbox',
  'after takeOutbox',
  'before publish',
  'after publish',
  'before deleteOutbox',
  'after deleteOutbox',
  'before listDueTimers',
  'after listDueTimers',
  'before listExpiredLeases',
  'after listExpiredLeases',
] as const
export type CrashStep = (typeof crashSteps)[number]

/** Chances per opportunity, 0 to 1. */
export interface FaultRates {
  readonly crash: number
  /** A statement or commit fails and nothing is done. */
  readonly failure: number
  /** A commit is done and its answer lost. */
  readonly lostAnswer: number
  /** A call or message comes twice. */
  readonly duplicate: number
  /** A doorbell is lost. */
  readonly lostRing: number
  /** A call takes up to `latencyMs`; else none at all. */
  readonly slow: number
  readonly latencyMs: number
  /** A worker dies, falls silent, or reports late. */
  readonly badWorker: number
  /** A person interferes, each half of a virtual second. */
  readonly disturbance: number
}

export const noFaults: FaultRates = {
  crash: 0,
  failure: 0,
  lostAnswer: 0,
  duplicate: 0,
  lostRing: 0,
  slow: 0,
  latencyMs: 0,
  badWorker: 0,
  disturbance: 0,
}

/** Draws the rates of a schedule: each kind of fault is absent, rare or frequent. */
export function drawFaults(random: Random): FaultRates {
  const of = (rare: number, frequent: number) => random.pick([0, rare, frequent])
  return {
    crash: of(0.002, 0.02),
    failure: of(0.005, 0.05),
    lostAnswer: of(0.005, 0.05),
    duplicate: of(0.05, 0.3),
    lostRing: of(0.1, 0.9),
    slow: of(0.1, 0.5),
    latencyMs: random.pick([5, 500, 3000]),
    badWorker: of(0.05, 0.3),
    disturbance: of(0.05, 0.4),
  }
}
