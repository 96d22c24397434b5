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
import { WebEncodeError } from '../../kernel/errors.ts'
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
  readonly runTiming: RunTiming
  readonly onCall: (pluginId: string, call: PluginCall) => void
  readonly onLog: (pluginId: string, line: PluginLogLine) => void
  readonly kick: () => void
}

export interface Processes {
  /** Makes the processes what the instances list. Starts and stops go on after it resolves. */
  match(
    wants: ReadonlyMap<string, PluginConfig>,
    instances: readonly PluginInstanceRecord[],
  ): Promise<void>
  stats(): ReadonlyMap<string, PluginStats>
  /** Stops all of them. */
  stop(): Promise<void>
}

/** How long calls may take when the kernel stops, in milliseconds. */
const lastDrainMs = 5000

export function createProcesses(options: ProcessesOptions): Processes {
  const { engine, folders, mesh, clock, kick } = options
  /** By plugin, then by the number of the run. */
  const plugins = new Map<string, Map<number, PluginRun>>()
  const retiring = new Set<Promise<void>>()

  async function tell(instance: PluginInstanceRecord, event: PluginEvent): Promise<void> {
    const { status } = await engine.send(instance.actorId, eventJson(event))
    if (status === 'applied') kick()
  }

  /** What is to be started, or why it cannot be. */
  async function prepare(
    { pluginId }: PluginInstanceRecord,
    process: PluginProcess,
    config: PluginConfig | undefined,
  ): Promise<StartPlugin | { readonly problem: string }> {
    const isPinned = (config?.version ?? null) !== null || process.role === 'standby'
    const found = await folders.find(pluginId, process.version, isPinned)
    if ('problem' in found) return found
    return checked(await options.host(), found, config?.config ?? {})
  }

  async function begin(
    instance: PluginInstanceRecord,
    process: PluginProcess,
    config: PluginConfig | undefined,
    runs: Map<number, PluginRun>,
  ): Promise<void> {
    const { pluginId } = instance
    const plugin = await prepare(instance, process, config)
    if ('problem' in plugin) return await tell(instance, { type: 'blocked', ...plugin })
    const run = new PluginRun({
      host: await options.host(),
      plugin,
      number: process.run,
      isShadow: process.role === 'shadow',
      clock,
      timing: options.runTiming,
      onChange: kick,
      onCall: (call) => options.onCall(pluginId, call),
      onLog: (line) => options.onLog(pluginId, line),
    })
    runs.set(process.run, run)
    noteIn(pluginId, 'info', `Version ${plugin.manifest.version} is started`)
  }

  /** Starts a process, or says what became of it. */
  async function look(
    instance: PluginInstanceRecord,
    process: PluginProcess,
    config: PluginConfig | undefined,
    runs: Map<number, PluginRun>,
  ): Promise<void> {
    const run = runs.get(process.run)
    if (run === undefined) {
      if (!process.isStarted) return await begin(instance, process, config, runs)
      return await tell(
        instance,
        process.role === 'standby'
          ? { type: 'crashed', run: process.run, problem: 'Its process is gone' }
          : { type: 'lost', run: process.run },
      )
    }
    if (run.state === 'gone') {
      return await tell(instance, { type: 'crashed', run: process.run, problem: run.problem })
    }
    if (run.state === 'up' && !process.isStarted) {
      const { version } = run.plugin.manifest
      return await tell(instance, { type: 'started', run: process.run, version })
    }
    if (process.isStarted && process.role === 'current') await judge(instance, run)
  }

  async function judge(instance: PluginInstanceRecord, run: PluginRun): Promise<void> {
    const { judgement, told } = run
    const isSame = judgement.health === told.health && judgement.isErroneous === told.isErroneous
    if (isSame) return
    await tell(instance, { type: 'judged', run: run.number, ...judgement })
    run.noteTold(judgement)
  }

  /** Points the mesh at the runs that serve. Until a new one is up, the one before goes on. */
  function point(
    { pluginId, state, processes }: PluginInstanceRecord,
    runs: ReadonlyMap<number, PluginRun>,
    priority: number,
  ): void {
    const runOf = (role: PluginProcess['role']) =>
      processes.filter((process) => process.role === role && process.isStarted)
        .map(({ run }) => runs.get(run))[0]
    const before = mesh.lane(pluginId)?.current
    const current = runOf('current') ?? (state === 'starting' ? before : undefined)
    // Its actor takes a run that begins to serve for healthy.
    if (current !== before) current?.tellAnew()
    mesh.set(pluginId, { state, priority, current, standby: runOf('standby') })
  }

  function retireOthers(
    { pluginId, processes }: PluginInstanceRecord,
    runs: Map<number, PluginRun>,
  ) {
    const current = mesh.lane(pluginId)?.current
    const wanted = new Set(processes.map(({ run }) => run))
    for (const run of runs.values()) {
      if (wanted.has(run.number) || run === current) continue
      runs.delete(run.number)
      if (run.state === 'gone') noteIn(pluginId, 'error', run.problem)
      else noteIn(pluginId, 'info', `Version ${run.plugin.manifest.version} is stopped`)
      retire(run)
    }
  }

  function retire(run: PluginRun, drainMs?: number): void {
    const gone = run.retire(drainMs).finally(() => retiring.delete(gone))
    retiring.add(gone)
  }

  function noteIn(pluginId: string, level: PluginLogLine['level'], message: string): void {
    options.onLog(pluginId, { at: new Date(clock.now()).toISOString(), level, message })
  }

  /** A plugin that could not be started is tried again when it could be. */
  async function unblock(
    instance: PluginInstanceRecord,
    config: PluginConfig | undefined,
  ): Promise<void> {
    if (instance.disabledBy !== 'blocked' || config?.isEnabled !== true) return
    const process = { run: instance.run, version: config.version ?? instance.version }
    const found = await prepare(
      instance,
      { ...process, role: 'current', isStarted: false },
      config,
    )
    if (!('problem' in found)) await tell(instance, { type: 'unblocked' })
  }

  return {
    async match(wants, instances) {
      for (const instance of instances) {
        const { pluginId } = instance
        const config = wants.get(pluginId)
        const runs = plugins.get(pluginId) ?? new Map<number, PluginRun>()
        plugins.set(pluginId, runs)
        point(instance, runs, config?.priority ?? 0)
        retireOthers(instance, runs)
        await unblock(instance, config)
        for (const process of instance.processes) await look(instance, process, config, runs)
      }
    },

    stats() {
      const lanes = [...plugins.keys()].map((id) => [id, mesh.lane(id)?.current?.instance] as const)
      return new Map(lanes.flatMap(([id, instance]) => instance ? [[id, instance.stats()]] : []))
    },

    async stop() {
      for (const runs of plugins.values()) {
        for (const run of runs.values()) retire(run, lastDrainMs)
      }
      plugins.clear()
      await Promise.all(retiring)
    },
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
