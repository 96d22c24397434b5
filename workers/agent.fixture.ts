/** An agent for tests: on a memory bus, with a scripted kernel, handlers ended by hand and a clock that stands still. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Bus } from '../kernel/bus/bus.ts'
import { createMemoryBus } from '../kernel/bus/memory.ts'
import type { EncoderEngine } from '../kernel/contract/encoder.ts'
import type { TaskBrief, TaskResult } from '../kernel/contract/task.ts'
import type { WorkerCapabilities } from '../kernel/contract/worker.ts'
import { createLog, type LogLevel } from '../kernel/log.ts'
import { type Agent, type AgentOptions, type AgentStats, createAgent } from './agent.ts'
import type { CredentialStore } from './credential.ts'
import { ScriptedKernel } from './kernel.fixture.ts'
import { ManualClock } from './manual-clock.fixture.ts'
import { briefFor, encodeResult } from './task.fixture.ts'
import type { TaskContext, TaskHandler } from './tasks/context.ts'
import type { WorkerObjects } from './transfer.ts'

const idleEncoder: EncoderEngine = {
  getCapabilities: () => Promise.reject(new Error('not asked')),
  run: () => Promise.reject(new Error('not run')),
  close: () => Promise.resolve(),
}

/** A task whose handler the test ends by hand. */
export interface Running {
  readonly context: TaskContext
  readonly finish: (result?: TaskResult) => void
  readonly fail: (failure: unknown) => void
}

/** An agent, what it talks to, and what a test can wait for. */
export interface Bench {
  readonly kernel: ScriptedKernel
  readonly clock: ManualClock
  readonly agent: Agent
  readonly bus: Bus
  readonly workDirectory: string
  /** Keys in storage. */
  readonly stored: Map<string, string>
  /** Resolves to the running task of that name, as soon as its handler runs. */
  readonly begun: (name: string) => Promise<Running>
  /** Resolves when `isMet`, looked at whenever the agent's numbers change. */
  readonly until: (isMet: (stats: AgentStats) => boolean) => Promise<void>
  /** How the agent ended, as it told whoever made it. */
  readonly ends: string[]
  /** Messages that the agent logged at this level. */
  readonly logged: (level: LogLevel) => string[]
}

interface BenchOptions {
  /** @default 2 */
  readonly slots?: number
  readonly readTransferred?: AgentOptions['readTransferred']
  readonly listEncoders?: AgentOptions['listEncoders']
  /** Handlers do not care about their signal. */
  readonly stubborn?: boolean
  readonly joinToken?: string
  readonly credentials?: CredentialStore
}

/** Conditions that are looked at when something has changed. */
class Conditions {
  #waiters: { isMet: () => boolean; resolve: () => void }[] = []

  readonly look = (): void => {
    const met = this.#waiters.filter(({ isMet }) => isMet())
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve()
  }

  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve()
    return new Promise((resolve) => void this.#waiters.push({ isMet, resolve }))
  }
}

function handlersInto(
  running: Map<string, Running>,
  { look }: Conditions,
  stubborn: boolean,
): AgentOptions['handlers'] {
  const handler: TaskHandler = (context) =>
    new Promise((resolve, reject) => {
      const finish = (result = encodeResult()) => resolve(result)
      running.set(context.brief.taskId, { context, finish, fail: reject })
      if (!stubborn) context.signal.addEventListener('abort', () => reject(context.signal.reason))
      look()
    })
  return {
    probe: handler,
    encode: handler,
    audio: handler,
    stitch: handler,
    remux: handler,
    verify: handler,
  }
}

function objectsIn(stored: Map<string, string>): WorkerObjects {
  return {
    put(key, file) {
      stored.set(key, file)
      return Promise.resolve({ key, sizeBytes: 1, sha256: '0'.repeat(64) })
    },
    read: () => Promise.reject(new Error('no inputs here')),
    remove: (key) => Promise.resolve(void stored.delete(key)),
    release() {},
  }
}

function capabilitiesOf(slots: number): WorkerCapabilities {
  return {
    slots,
    lanes: ['cpu', 'copy'],
    cores: 2,
    memoryBytes: 1,
    encoder: 'ffmpeg',
    encoderVersion: '7',
    videoCodecs: [],
    audioCodecs: [],
    gpu: 'none',
  }
}

/** An agent on a bus where nobody answers yet; closed at the end of the test. */
export function openBench(
  t: TestContext,
  { slots = 2, stubborn = false, readTransferred, listEncoders, ...proofs }: BenchOptions = {},
): Bench {
  const clock = new ManualClock()
  const lines: { level: string; message: string }[] = []
  const log = createLog('debug', (line) => void lines.push(JSON.parse(line)))
  const bus = createMemoryBus({ clock, log })
  const ends: string[] = []
  const kernel = new ScriptedKernel(bus)
  const workDirectory = mkdtempSync(join(tmpdir(), 'agent-'))
  const stored = new Map<string, string>()
  const running = new Map<string, Running>()
  const conditions = new Conditions()
  const agent = createAgent({
    bus,
    clock,
    workDirectory,
    capabilities: capabilitiesOf(slots),
    objects: objectsIn(stored),
    log,
    encoder: idleEncoder,
    sources: { add: () => assert.fail('no network here'), close: () => Promise.resolve() },
    handlers: handlersInto(running, conditions, stubborn),
    workerId: 'w1',
    hostname: 'host',
    version: '1',
    region: 'local',
    readUsage: () => ({ cpuPercent: 50, memoryBytes: 100 }),
    ...(readTransferred !== undefined && { readTransferred }),
    ...(listEncoders !== undefined && { listEncoders }),
    onChange: conditions.look,
    onRestart: () => void ends.push('restart'),
    onRemoved: () => void ends.push('removed'),
    ...proofs,
  })
  t.after(async () => {
    await kernel.stop()
    await kernel.start()
    for (const { fail } of running.values()) fail(new Error('the test is over'))
    const stopped = agent.stop()
    await clock.advance(0)
    await stopped
    await bus.close()
    rmSync(workDirectory, { recursive: true, force: true })
  })
  const begun = async (name: string) => {
    await conditions.until(() => running.has(`job1.encode.${name}`))
    const found = running.get(`job1.encode.${name}`)
    assert.ok(found)
    return found
  }
  const until = (isMet: (stats: AgentStats) => boolean) =>
    conditions.until(() => isMet(agent.stats()))
  const logged = (level: LogLevel) =>
    lines.filter((line) => line.level === level).map(({ message }) => message)
  return { kernel, clock, agent, bus, workDirectory, stored, begun, until, ends, logged }
}

/** A bench whose kernel answers and whose agent has joined, holding the tasks of these names. */
export async function startWith(
  t: TestContext,
  names: readonly string[],
  options: BenchOptions & { changes?: Partial<TaskBrief> } = {},
): Promise<Bench> {
  const bench = openBench(t, options)
  bench.kernel.ready.push(...names.map((name) => briefFor(name, options.changes)))
  await bench.kernel.start()
  await bench.agent.start()
  await bench.kernel.until((asked) => asked.claim.length > 0)
  for (const name of names.slice(0, options.slots ?? 2)) await bench.begun(name)
  return bench
}
