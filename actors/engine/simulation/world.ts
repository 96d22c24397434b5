/** Everything of one schedule: the clock, the store, the kernels, the bus, and the record of what happened. */
import { silentLog } from '../../../kernel/log.ts'
import { createEngine, type Engine } from '../engine.ts'
import type { OuterHandlers } from '../effect-handlers.ts'
import { createRegistry, type Registry } from '../registry.ts'
import { createFaultyStore } from './faulty-store.ts'
import { drawFaults, type FaultRates, noFaults } from './faults.ts'
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
import type { CommitFacts } from './memory-transaction.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

interface Kernel {
  readonly process: SimulatedProcess
  readonly engine: Engine
}

/** Makes the store; one that is broken on purpose shows whether the invariants notice. */
export type StoreFactory = (options: MemoryStoreOptions) => MemoryStore

export interface WorldOptions {
  readonly scenario: Scenario
  readonly random: Random
  readonly createStore?: StoreFactory
  /** Hears of every commit. */
  readonly onCommit: (facts: CommitFacts) => void
}

/** Where a kernel dies that nobody misses. */
const theEnd = 'the end'

export class World {
  readonly scenario: Scenario
  readonly random: Random
  readonly clock: VirtualClock = createVirtualClock()
  readonly registry: Registry
  readonly store: MemoryStore
  /** Steps at which processes died. */
  readonly crashes: string[] = []
  /** Ids of effects that reached the bus. */
  readonly published = new Set<string>()
  readonly #stormRates: FaultRates
  readonly #kernels: Kernel[] = []
  readonly #doorbells: (() => void)[] = []
  #storm = true

  constructor({ scenario, random, createStore = createMemoryStore, onCommit }: WorldOptions) {
    this.scenario = scenario
    this.random = random
    this.registry = registryOf(scenario)
    this.#stormRates = drawFaults(random)
    this.store = createStore({ clock: this.clock, onCommit })
  }

  /** The faults of this moment. */
  rates = (): FaultRates => this.#storm ? this.#stormRates : noFaults

  get calm(): boolean {
    return !this.#storm
  }

  /** From now on nothing goes wrong. */
  calmDown(): void {
    this.#storm = false
  }

  /** Starts a kernel that is started again whenever it dies. */
  startKernel(): void {
    const { clock, random, rates, store } = this
    const process = new SimulatedProcess({
      clock,
      random,
      rates,
      onCrash: (step) => {
        if (step !== theEnd) this.crashes.push(step)
        this.#kernels.splice(this.#kernels.findIndex((kernel) => kernel.process === process), 1)
        clock.after(random.integer(10, 5000), () => this.startKernel())
      },
    })
    const engine = createEngine({
      store: createFaultyStore({ store, process, random, rates }),
      registry: this.registry,
      clock: process.clock,
      log: silentLog,
      handlers: this.#handlers(process),
      batchSize: random.pick([1, 3, 256]),
      relayEveryMs: 5000,
      reconcileEveryMs: random.pick([1000, 5000]),
    })
    this.#kernels.push({ process, engine })
    engine.start()
  }

  /** Kills every kernel for good. */
  end(): void {
    this.calmDown()
    for (const { process } of this.#kernels.splice(0)) process.kill(theEnd)
  }

  /** Asks some kernel, as a client over a network does. @throws when none is up, none answers in time, or it fails */
  async call<T>(ask: (engine: Engine) => Promise<T>): Promise<T> {
    if (this.#kernels.length === 0) throw new Error('no kernel is up')
    const { engine } = this.random.pick(this.#kernels)
    return await Promise.race([ask(engine), this.#timeout()])
  }

  /** Calls `listener` when a task may be ready. */
  onDoorbell(listener: () => void): void {
    this.#doorbells.push(listener)
  }

  async #timeout(): Promise<never> {
    await this.clock.sleep(10_000)
    throw new Error('no kernel answered in time')
  }

  #handlers(process: SimulatedProcess): OuterHandlers {
    const publish = async (_params: unknown, { id }: { readonly id: string }) => {
      await process.step('before publish')
      process.mayFail('publish')
      this.published.add(id)
      await process.step('after publish')
    }
    return {
      ring: async (params, effect) => {
        await publish(params, effect)
        if (!this.random.chance(this.rates().lostRing)) this.#ring()
      },
      interrupt: publish,
      command: publish,
      announce: publish,
      clean: publish,
    }
  }

  #ring(): void {
    for (const listener of this.#doorbells) this.clock.after(this.random.integer(0, 20), listener)
  }
}

const registries = new WeakMap<Scenario, Registry>()

/** Registering lints, which takes longer than many a schedule. */
function registryOf(scenario: Scenario): Registry {
  const known = registries.get(scenario)
  if (known !== undefined) return known
  const registry = createRegistry(scenario.definitions)
  registries.set(scenario, registry)
  return registry
}
