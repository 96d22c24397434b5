/** One run of the chaos: faults in a seeded order, each in the middle of real encodes, and then everything is looked at. */
import { messageOf } from '../../../kernel/errors.ts'
import { openPostgres } from '../../../kernel/db/postgres.ts'
import { silentLog } from '../../../kernel/log.ts'
import { createRandom, type Random } from '../../../actors/engine/simulation/random.ts'
import { type Fault, faults } from './faults.ts'
import { listViolations } from './invariants.ts'
import { outputProblem, submitJob, waitForEnd, waitForWork } from './jobs.ts'
import { Stage } from './stage.ts'

export interface ChaosOptions {
  readonly directory: string
  readonly mediaRoot: string
  readonly seed: number
  /** Keeps striking for this long; 0: each fault once. */
  readonly minutes: number
  /** Faults to choose from. @default all */
  readonly only?: readonly string[]
  readonly say: (line: string) => void
}

/** What happened. */
export interface ChaosSummary {
  readonly seed: number
  readonly minutes: number
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>
  readonly skipped: readonly string[]
  readonly jobs: number
  readonly completed: number
  readonly violations: readonly string[]
  /** Milliseconds until something served again. */
  readonly recoveryMs: Readonly<Record<string, readonly number[]>>
}

const endMs = 180_000
/** Effects of the last events, and what workers still tell. */
const settleMs = 60_000

/** Runs the chaos. @throws when the cluster cannot be started */
export async function runChaos(options: ChaosOptions): Promise<ChaosSummary> {
  const { seed, minutes, say } = options
  const random = createRandom(seed)
  const stage = await Stage.open({ ...options, random: random.next })
  const run = new Run(stage, options)
  try {
    const begun = Date.now()
    const isOver = () => minutes > 0 && Date.now() - begun > minutes * 60_000
    do {
      for (const fault of shuffled(run.available, random)) {
        if (isOver()) break
        await run.strike(fault)
      }
    } while (minutes > 0 && !isOver())
    await run.lookAtEverything()
    return run.summary()
  } finally {
    say('stopping the cluster')
    await stage.close()
  }
}

class Run {
  readonly #stage: Stage
  readonly #options: ChaosOptions
  readonly #struck: Record<string, number> = {}
  readonly #violations: string[] = []
  #jobs = 0
  #completed = 0

  constructor(stage: Stage, options: ChaosOptions) {
    this.#stage = stage
    this.#options = options
  }

  get available(): Fault[] {
    const { only } = this.#options
    return faults.filter((fault) =>
      fault.missing?.(this.#stage) === undefined && (only?.includes(fault.name) ?? true)
    )
  }

  /** One fault in the middle of a job, which must complete. */
  async strike(fault: Fault): Promise<void> {
    const { seed, say } = this.#options
    const { cluster } = this.#stage
    const begun = performance.now()
    const n = ++this.#jobs
    const id = await submitJob(cluster, `${seed}-${n}`)
    await waitForWork(cluster, id)
    try {
      await fault.strike(this.#stage)
    } catch (failure) {
      this.#broke(`"${fault.name}" could not be healed: ${messageOf(failure)}`)
    }
    this.#struck[fault.name] = (this.#struck[fault.name] ?? 0) + 1
    await this.#mustComplete(id, fault)
    await this.#mustServe(fault)
    say(`${fault.name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  }

  /** Waits until nothing is under way any more, then checks every rule. */
  async lookAtEverything(): Promise<void> {
    const db = await openPostgres({ url: this.#stage.cluster.postgres.url, log: silentLog })
    try {
      const deadline = Date.now() + settleMs
      let violations = await listViolations(db)
      while (violations.length > 0 && Date.now() < deadline) {
        await this.#stage.wait(1_000)
        violations = await listViolations(db)
      }
      this.#violations.push(...violations)
    } finally {
      await db.close()
    }
  }

  summary(): ChaosSummary {
    const { seed, minutes } = this.#options
    return {
      seed,
      minutes,
      faults: this.#struck,
      skipped: faults.flatMap((fault) => {
        const reason = fault.missing?.(this.#stage)
        return reason === undefined ? [] : [`${fault.name}: ${reason}`]
      }),
      jobs: this.#jobs,
      completed: this.#completed,
      violations: this.#violations,
      recoveryMs: this.#stage.recoveryMs,
    }
  }

  async #mustComplete(id: string, fault: Fault): Promise<void> {
    const { cluster } = this.#stage
    const { directory } = this.#options
    try {
      const job = await waitForEnd(cluster, id, endMs)
      const problem = job.status === 'completed'
        ? await outputProblem(cluster, id, directory)
        : `job ${id} is ${job.status}: ${JSON.stringify(job.error)}`
      if (problem !== undefined) this.#broke(`After "${fault.name}", ${problem}`)
      else this.#completed++
    } catch (failure) {
      this.#broke(`After "${fault.name}", job ${id} was lost: ${messageOf(failure)}`)
    }
  }

  async #mustServe(fault: Fault): Promise<void> {
    try {
      await this.#stage.allServe()
      await this.#stage.allWork()
    } catch (failure) {
      this.#broke(`After "${fault.name}": ${messageOf(failure)}`)
    }
  }

  #broke(sentence: string): void {
    this.#violations.push(sentence)
    this.#options.say(`VIOLATION: ${sentence}`)
    for (const { name, log } of this.#stage.cluster.processes) {
      this.#options.say(`--- ${name}\n${log.slice(-3_000)}`)
    }
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random.integer(0, rest.length - 1), 1)[0]!)
}
