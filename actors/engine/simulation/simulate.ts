/** Runs seeded schedules of the real engine in a world where everything goes wrong, and checks what must hold. */
import { Invariants } from './invariants.ts'
import { createRandom } from './random.ts'
import type { Scenario } from './scenario.ts'
import { SimulatedWorker } from './simulated-worker.ts'
import { settled } from './virtual-clock.ts'
import { type StoreFactory, World } from './world.ts'

export interface ScheduleResult {
  readonly seed: number
  /** What did not hold; empty when all did. */
  readonly violations: readonly string[]
  /** Steps at which kernels died. */
  readonly crashes: readonly string[]
  /** Events that actors reacted to. */
  readonly transitions: number
  readonly virtualMs: number
  /** What the scenario saw happen. */
  readonly seen: readonly string[]
}

/** How long things go wrong, and how long after that everything may take to end, in virtual milliseconds. */
const stormMs = 30_000
const patienceMs = 2 * 3_600_000

/** Runs the schedule of `seed`. The same seed of the same program gives the same schedule. */
export async function simulate(
  scenario: Scenario,
  seed: number,
  createStore?: StoreFactory,
): Promise<ScheduleResult> {
  const random = createRandom(seed)
  const invariants = new Invariants()
  const world = new World({
    scenario,
    random,
    onCommit: invariants.committed,
    ...(createStore !== undefined && { createStore }),
  })
  const startMs = world.clock.now()
  const roots = populate(world)
  const calmAt = startMs + random.integer(0, stormMs)
  await runUntil(world, () => world.clock.now() >= calmAt)
  world.calmDown()
  await runUntil(world, () => isAtRest(world, roots) || world.clock.now() > startMs + patienceMs)
  world.end()
  return {
    seed,
    violations: invariants.ended(world),
    crashes: world.crashes,
    transitions: [...world.store.tables.log.values()].reduce(
      (sum, entries) => sum + entries.length,
      0,
    ),
    virtualMs: world.clock.now() - startMs,
    seen: scenario.seen?.(world.store.tables) ?? [],
  }
}

/** @returns how many roots there will be */
function populate(world: World): number {
  const { random } = world
  for (let i = random.pick([1, 1, 2]); i > 0; i--) world.startKernel()
  for (let i = random.integer(1, 3); i > 0; i--) new SimulatedWorker(world, `w${i}`)
  const roots = random.pick([1, 1, 2])
  for (let i = roots; i > 0; i--) submit(world, `root${i}`)
  disturb(world)
  decide(world)
  return roots
}

/** A client that creates a root and insists. */
async function insist(world: World, id: string): Promise<void> {
  const { scenario, clock, random, rates } = world
  const input = scenario.rootInput(id, random)
  const create = () =>
    world.call((engine) => engine.create(scenario.rootType, id, input, { eventId: `submit:${id}` }))
  for (;;) {
    try {
      await create()
      if (random.chance(rates().duplicate)) await create()
      return
    } catch {
      await clock.sleep(500)
    }
  }
}

function submit(world: World, id: string): void {
  world.clock.after(world.random.integer(0, 1000), () => void insist(world, id))
}

/** People interfere while the storm lasts. */
function disturb(world: World): void {
  const { clock, random, rates, scenario, store } = world
  if (random.chance(rates().disturbance)) {
    const { to, event } = scenario.disturb(random)
    const ids = [...store.tables.actors.values()].filter(({ type }) =>
      (type === scenario.rootType) === (to === 'root')
    )
    // A person who gets no answer gives up.
    if (ids.length > 0) {
      void world.call((engine) => engine.send(random.pick(ids).id, event)).catch(() => {})
    }
  }
  if (!world.calm) clock.after(random.integer(100, 1000), () => disturb(world))
}

/** Some kernel looks at the rows and says what it decides; another one may say the same. */
function decide(world: World): void {
  const { clock, random, rates, scenario, store } = world
  for (const { actorId, event, eventId } of scenario.decide?.(store.tables, random) ?? []) {
    const say = () =>
      void world.call((engine) => engine.send(actorId, event, { eventId })).catch(() => {})
    say()
    if (random.chance(rates().duplicate)) clock.after(random.integer(0, 500), say)
  }
  if (scenario.decide !== undefined) clock.after(random.integer(100, 3000), () => decide(world))
}

async function runUntil(world: World, done: () => boolean): Promise<void> {
  await settled()
  while (!done() && await world.clock.advance());
}

/** All roots exist and ended, nothing waits to be delivered, nobody works. */
function isAtRest({ store: { tables }, scenario }: World, roots: number): boolean {
  if (tables.outbox.size > 0 || tables.timers.size > 0) return false
  let ended = 0
  for (const { type, status } of tables.actors.values()) {
    if (type !== scenario.rootType) continue
    if (status === 'active') return false
    ended += 1
  }
  if (ended < roots) return false
  return [...tables.tasks.values()].every(({ leaseUntil }) => leaseUntil === null)
}

export interface SimulationSummary {
  readonly schedules: number
  readonly transitions: number
  readonly crashes: ReadonlyMap<string, number>
  /** How many schedules saw it, by what the scenario saw happen. */
  readonly seen: ReadonlyMap<string, number>
  /** The first schedule in which something did not hold. */
  readonly failed: ScheduleResult | undefined
}

/** Runs `schedules` schedules with the seeds from `firstSeed` on; stops at the first that fails. */
export async function simulateMany(
  scenario: Scenario,
  firstSeed: number,
  schedules: number,
  createStore?: StoreFactory,
): Promise<SimulationSummary> {
  const crashes = new Map<string, number>()
  const seen = new Map<string, number>()
  let transitions = 0
  for (let i = 0; i < schedules; i++) {
    const result = await simulate(scenario, firstSeed + i, createStore)
    transitions += result.transitions
    for (const step of result.crashes) crashes.set(step, (crashes.get(step) ?? 0) + 1)
    for (const what of new Set(result.seen)) seen.set(what, (seen.get(what) ?? 0) + 1)
    if (result.violations.length > 0) {
      return { schedules: i + 1, transitions, crashes, seen, failed: result }
    }
  }
  return { schedules, transitions, crashes, seen, failed: undefined }
}
