/** The processes of plugins in one kernel: starts what should be there, stops what should not, and says what became of them. */
import type { Clock } from '../../kernel/clock.ts'
import type {
  PluginCall,
  PluginHost,
  PluginLogLine,
  PluginStats,
  StartPlugin,
} from '../../kernel/contract/plugin.ts'
import type { PluginProcess } from '../../kernel/db/actor-store.ts'
import type { PluginConfig } from '../../kernel/db/plugin-configs.ts'
import type { PluginInstanceRecord } from '../../kernel/db/plugin-instances.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { ownMetricsFrom } from '../../kernel/plugin/metrics-text.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { type PluginFolders, type UsablePlugin } from './folders.ts'
import type { SupervisedMesh } from './mesh.ts'
import type { PluginEvent } from './model.ts'
import { PluginRun, type RunTiming } from './run.ts'

export interface ProcessesOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly host: () => Promise<PluginHost>
  readonly folders: PluginFolders
  readonly mesh: SupervisedMesh
  readonly clock: Clock
  readonly log: Log
  readonly runTiming: RunTiming
  readonly onCall: (pluginId: string, call: PluginCall) => void
  readonly onLog: (pluginId: string, line: PluginLogLine) => void
  readonly kick: () => void
}

/** How long calls may take when the kernel stops, in milliseconds. */
const lastDrainMs = 5000
/** How long a plugin may take to say what it counts, in milliseconds: whoever scrapes waits ten seconds. */
const metricsTimeoutMs = 2000

type Runs = Map<number, PluginRun>

/** The processes of one kernel. */
export class Processes {
  readonly #options: ProcessesOptions
  /** By plugin, then by the number of the run. */
  readonly #plugins = new Map<string, Runs>()
  readonly #retiring = new Set<Promise<void>>()

  constructor(options: ProcessesOptions) {
    this.#options = options
  }

  /** Makes the processes what the instances list. Starts and stops go on after it resolves. */
  async match(
    wants: ReadonlyMap<string, PluginConfig>,
    instances: readonly PluginInstanceRecord[],
  ): Promise<void> {
    for (const instance of instances) {
      try {
        await this.#matchOne(instance, wants.get(instance.pluginId))
      } catch (error) {
        // The next look tries again. What is wrong with one plugin is not the others' business.
        this.#options.log.error('cannot look after a plugin', {
          plugin_id: instance.pluginId,
          error,
        })
      }
    }
  }

  /** What the processes that serve measured. */
  stats(): ReadonlyMap<string, PluginStats> {
    const stats = new Map<string, PluginStats>()
    for (const id of this.#plugins.keys()) {
      const instance = this.#options.mesh.lane(id)?.current?.instance
      if (instance !== undefined) stats.set(id, instance.stats())
    }
    return stats
  }

  /** What the plugins that serve count themselves, as Prometheus text. */
  async metrics(): Promise<string> {
    const serving = [...this.#plugins.keys()].flatMap((id) => {
      const instance = this.#options.mesh.lane(id)?.current?.instance
      return instance === undefined ? [] : [{ id, instance }]
    })
    const ids = serving.map(({ id }) => id)
    const texts = await Promise.all(serving.map(async ({ id, instance }) => {
      try {
        const said = await instance.metrics({ timeoutMs: metricsTimeoutMs })
        return ownMetricsFrom(id, said, ids)
      } catch (failure) {
        // The others are exposed all the same.
        this.#note(id, 'warn', `Its metrics are left out: ${messageOf(failure)}`)
        return ''
      }
    }))
    return texts.join('')
  }

  /** Stops those that are up, after their calls. */
  async stop(): Promise<void> {
    const runs = [...this.#plugins.values()].flatMap((all) => [...all.values()])
    this.#plugins.clear()
    for (const run of runs) {
      // Whoever closes the host ends those that start.
      if (run.state === 'starting') void run.retire(0)
      else this.#retire(run, lastDrainMs)
    }
    await Promise.all(this.#retiring)
  }

  async #matchOne(
    instance: PluginInstanceRecord,
    config: PluginConfig | undefined,
  ): Promise<void> {
    const { pluginId } = instance
    const runs: Runs = this.#plugins.get(pluginId) ?? new Map()
    this.#plugins.set(pluginId, runs)
    this.#point(instance, runs, config)
    this.#retireOthers(instance, runs)
    await this.#unblock(instance, config)
    for (const process of instance.processes) await this.#look(instance, process, config, runs)
  }

  /** Points the mesh at the runs that serve. Until a new one is up, the one before goes on. */
  #point(
    { pluginId, state, processes }: PluginInstanceRecord,
    runs: Runs,
    config: PluginConfig | undefined,
  ): void {
    const { mesh } = this.#options
    const runOf = (role: PluginProcess['role']) =>
      processes.filter((process) => process.role === role && process.isStarted)
        .map(({ run }) => runs.get(run))[0]
    const before = mesh.lane(pluginId)?.current
    const current = runOf('current') ?? (state === 'starting' ? before : undefined)
    // Its actor takes a run that begins to serve for healthy.
    if (current !== before) current?.tellAnew()
    const { pillar, priority = 0 } = config ?? {}
    mesh.set(pluginId, { pillar, state, priority, current, standby: runOf('standby') })
  }

  #retireOthers({ pluginId, processes }: PluginInstanceRecord, runs: Runs): void {
    const current = this.#options.mesh.lane(pluginId)?.current
    const wanted = new Set(processes.map(({ run }) => run))
    for (const run of runs.values()) {
      if (wanted.has(run.number) || run === current) continue
      runs.delete(run.number)
      if (run.state === 'gone') this.#note(pluginId, 'error', run.problem)
      else this.#note(pluginId, 'info', `Version ${run.plugin.manifest.version} is stopped`)
      this.#retire(run)
    }
  }

  #retire(run: PluginRun, drainMs?: number): void {
    const gone = run.retire(drainMs).finally(() => this.#retiring.delete(gone))
    this.#retiring.add(gone)
  }

  /** Starts a process, or says what became of it. */
  async #look(
    instance: PluginInstanceRecord,
    process: PluginProcess,
    config: PluginConfig | undefined,
    runs: Runs,
  ): Promise<void> {
    const { run: number, role, isStarted } = process
    const run = runs.get(number)
    if (run === undefined) {
      if (!isStarted) return await this.#begin(instance, process, config, runs)
      const problem = 'Its process is gone'
      return await this.#tell(
        instance,
        role === 'standby'
          ? { type: 'crashed', run: number, problem }
          : { type: 'lost', run: number },
      )
    }
    if (run.state === 'gone') {
      return await this.#tell(instance, { type: 'crashed', run: number, problem: run.problem })
    }
    if (run.state === 'up' && !isStarted) {
      const { version } = run.plugin.manifest
      return await this.#tell(instance, { type: 'started', run: number, version })
    }
    if (isStarted && role === 'current') await this.#judge(instance, run)
  }

  async #begin(
    instance: PluginInstanceRecord,
    process: PluginProcess,
    config: PluginConfig | undefined,
    runs: Runs,
  ): Promise<void> {
    const { host, clock, runTiming, kick, onCall, onLog } = this.#options
    const { pluginId } = instance
    const plugin = await this.#prepare(instance, process, config)
    if ('problem' in plugin) {
      return await this.#tell(instance, { type: 'blocked', problem: plugin.problem })
    }
    const run = new PluginRun({
      host: await host(),
      plugin,
      number: process.run,
      isShadow: process.role === 'shadow',
      clock,
      timing: runTiming,
      onChange: kick,
      onCall: (call) => onCall(pluginId, call),
      onLog: (line) => onLog(pluginId, line),
    })
    runs.set(process.run, run)
    this.#note(pluginId, 'info', `Version ${plugin.manifest.version} is started`)
  }

  /** What is to be started, or why it cannot be. */
  async #prepare(
    { pluginId }: PluginInstanceRecord,
    { version, role }: Pick<PluginProcess, 'version' | 'role'>,
    config: PluginConfig | undefined,
  ): Promise<StartPlugin | { readonly problem: string }> {
    const { folders, host } = this.#options
    const isPinned = (config?.version ?? null) !== null || role === 'standby'
    const found = await folders.find(pluginId, version, isPinned)
    return 'problem' in found ? found : checked(await host(), found, config?.config ?? {})
  }

  /** A plugin that could not be started is tried again when it could be. */
  async #unblock(instance: PluginInstanceRecord, config: PluginConfig | undefined): Promise<void> {
    if (instance.disabledBy !== 'blocked' || config?.isEnabled !== true) return
    const wanted = { version: config.version ?? instance.version, role: 'current' } as const
    const found = await this.#prepare(instance, wanted, config)
    if (!('problem' in found)) await this.#tell(instance, { type: 'unblocked' })
  }

  async #judge(instance: PluginInstanceRecord, run: PluginRun): Promise<void> {
    const { judgement, told } = run
    const isSame = judgement.health === told.health && judgement.isErroneous === told.isErroneous
    if (isSame) return
    await this.#tell(instance, { type: 'judged', run: run.number, ...judgement })
    run.noteTold(judgement)
  }

  async #tell({ actorId }: PluginInstanceRecord, event: PluginEvent): Promise<void> {
    const { status } = await this.#options.engine.send(actorId, eventJson(event))
    if (status === 'applied') this.#options.kick()
  }

  #note(pluginId: string, level: PluginLogLine['level'], message: string): void {
    const at = new Date(this.#options.clock.now()).toISOString()
    this.#options.onLog(pluginId, { at, level, message })
  }
}

/** The plugin with its configuration, or what is wrong with that. */
function checked(
  host: PluginHost,
  { folder, manifest }: UsablePlugin,
  config: Readonly<Record<string, unknown>>,
): StartPlugin | { readonly problem: string } {
  try {
    return { folder, manifest, config: host.checkConfig(manifest, config) }
  } catch (failure) {
    if (!(failure instanceof WebEncodeError) || failure.code !== 'WE-PLG-003') throw failure
    return { problem: failure.message }
  }
}
