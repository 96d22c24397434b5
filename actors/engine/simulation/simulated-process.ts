/** A process that can die at any step: whatever it was doing then never goes on. */
import type { Clock } from '../../../kernel/clock.ts'
import type { CrashStep, FaultRates } from './faults.ts'
import { StoreFailure } from './memory-locks.ts'
import type { Random } from './random.ts'

export interface ProcessParts {
  readonly clock: Clock
  readonly random: Random
  readonly rates: () => FaultRates
  /** Hears of the death. */
  readonly onCrash: (step: string) => void
}

/** SQLSTATEs of failures that pass: lost connection, serialization failure, deadlock, too many connections. */
const passingFailures = ['08006', '40001', '40P01', '53300']

export class SimulatedProcess {
  readonly #parts: ProcessParts
  readonly #last: (() => void)[] = []
  #alive = true
  /** Time as this process sees it; its callbacks die with it. */
  readonly clock: Clock

  constructor(parts: ProcessParts) {
    this.#parts = parts
    const { clock } = parts
    this.clock = {
      now: clock.now,
      after: (delayMs, callback) => clock.after(delayMs, () => this.#alive && callback()),
      sleep: (delayMs, signal) => this.outlive(clock.sleep(delayMs, signal)),
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Calls `last` soon after the process died: how the outside notices. */
  onDeath(last: () => void): void {
    this.#last.push(last)
  }

  kill(step: string): void {
    if (!this.#alive) return
    this.#alive = false
    const { clock, random, rates, onCrash } = this.#parts
    for (const last of this.#last) clock.after(random.integer(0, rates().latencyMs), last)
    onCrash(step)
  }

  /** A named step: takes its time, and is where the process may die. */
  async step(name: CrashStep): Promise<void> {
    const { clock, random, rates } = this.#parts
    const { slow, latencyMs, crash } = rates()
    if (random.chance(slow)) await this.outlive(clock.sleep(random.integer(1, latencyMs)))
    if (random.chance(crash)) this.kill(name)
    if (!this.#alive) await never()
  }

  /** @throws StoreFailure now and then */
  mayFail(what: string): void {
    const { random, rates } = this.#parts
    if (random.chance(rates().failure)) {
      throw new StoreFailure(random.pick(passingFailures), `${what} failed`)
    }
  }

  /** The result of `work`, unless the process died meanwhile. */
  async outlive<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work
      return this.#alive ? result : await never()
    } catch (failure) {
      if (this.#alive) throw failure
      return await never()
    }
  }
}

/** What a dead process waits for. A new one each time: one for all would hold on to everything that ever waited. */
function never(): Promise<never> {
  return new Promise(() => {})
}
