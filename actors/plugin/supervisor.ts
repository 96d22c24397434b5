/** The supervisor of one kernel: makes the processes of plugins what their actors' rows say, and tells the actors what it sees. */
import type { Bus, Subscription } from '../../kernel/bus/bus.ts'
import { auditSystemSubject } from '../../kernel/bus/subjects.ts'
import type { Clock } from '../../kernel/clock.ts'
import type {
  PluginCall,
  PluginHost,
  PluginLogLine,
  PluginStats,
} from '../../kernel/contract/plugin.ts'
import type { Database } from '../../kernel/db/database.ts'
import { listPluginConfigs, type PluginConfig } from '../../kernel/db/plugin-configs.ts'
import {
  deleteForsakenPlugins,
  listPluginInstances,
  touchPluginInstances,
} from '../../kernel/db/plugin-instances.ts'
import { readPluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { createEventId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { createLoop } from '../engine/loop.ts'
import { createFollower } from './follower.ts'
import type { PluginFolders } from './folders.ts'
import { createLogBook, type LogBook } from './log-book.ts'
import { createMesh, type SupervisedMesh } from './mesh.ts'
import type { PluginTiming } from './model.ts'
import { Processes } from './processes.ts'
import type { RunTiming } from './run.ts'

export interface SupervisorOptions {
  readonly engine: Pick<Engine, 'create' | 'send'>
  readonly db: Database
  readonly bus: Bus
  /** Opened when the first plugin is enabled: until then it costs nothing. */
  readonly openHost: () => Promise<PluginHost>
  readonly folders: PluginFolders
  readonly clock: Clock
  readonly log: Log
  /** The same after a restart, different in every kernel. */
  readonly kernelId: string
  readonly timing: PluginTiming
  readonly runTiming: RunTiming
  /** Measures every call. */
  readonly onCall: (pluginId: string, call: PluginCall) => void
  /** Somebody may want to see a new log line. */
  readonly onLogLine: (pluginId: string) => void
  /** How often it looks without being told, in milliseconds. @default 2000 */
  readonly lookEveryMs?: number
}

export interface Supervisor {
  start(): Promise<void>
  /** Stops every process, after the calls that run. */
  stop(): Promise<void>
  /** Somebody wants something else of this plugin: looks at once, and tells the other kernels to. */
  wanted(pluginId: string): void
  readonly mesh: SupervisedMesh
  readonly logs: LogBook
  /** The host, opened if it is not yet. */
  host(): Promise<PluginHost>
  /** Whether a process of this kernel is called for the plugin now. */
  isServing(pluginId: string): boolean
  /** What the processes that serve in this kernel measured. */
  stats(): ReadonlyMap<string, PluginStats>
  /** What they count themselves, as Prometheus text. */
  metrics(): Promise<string>
}

/** Without a plugin that anybody wanted, the database is looked at this seldom, in milliseconds. */
const idleEveryMs = 30_000
/** Between two notes of what was measured, in milliseconds. */
const measureEveryMs = 5000
/** Between two looks for what kernels left behind that are gone, in milliseconds. */
const tidyEveryMs = 3_600_000

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { db, bus, clock, log, kernelId, lookEveryMs = 2000 } = options
  const mesh = createMesh(() => readPluginRoutes(db))
  const logs = createLogBook(options.onLogLine)
  let opened: Promise<PluginHost> | undefined
  let subscription: Subscription | undefined
  let measuredAtMs = -Infinity
  let tidiedAtMs = clock.now()

  /** One that could not be opened is tried anew. */
  const host = () => {
    opened ??= options.openHost().catch((failure: unknown) => {
      opened = undefined
      throw failure
    })
    return opened
  }
  const onLog = (pluginId: string, line: PluginLogLine) => logs.add(pluginId, line)
  const kick = () => loop.kick()
  const follow = createFollower({ ...options, kick })
  const processes = new Processes({ ...options, host, mesh, onLog, kick })

  async function measure(): Promise<void> {
    if (clock.now() - measuredAtMs < measureEveryMs) return
    measuredAtMs = clock.now()
    const measured = [...processes.stats()].map(([pluginId, stats]) => ({ pluginId, stats }))
    await touchPluginInstances(db, kernelId, measured)
  }

  async function tidy(): Promise<void> {
    if (clock.now() - tidiedAtMs < tidyEveryMs) return
    tidiedAtMs = clock.now()
    const gone = await deleteForsakenPlugins(db)
    if (gone > 0) log.info('deleted plugins of kernels that are gone', { plugins: gone })
  }

  async function round(): Promise<number> {
    const [configs, instances] = await Promise.all([
      listPluginConfigs(db),
      listPluginInstances(db, { kernelId }),
    ])
    if (instances.length === 0 && !configs.some(({ isEnabled }) => isEnabled)) return idleEveryMs
    const wants = new Map(configs.map((config): [string, PluginConfig] => [config.id, config]))
    await follow(wants, instances)
    await processes.match(wants, instances)
    await measure()
    await tidy()
    return lookEveryMs
  }

  const loop = createLoop({ name: 'plugin supervisor', clock, log, round })

  return {
    async start() {
      subscription = await bus.subscribe(auditSystemSubject, ({ data }) => {
        if (isAboutPlugins(data)) loop.kick()
      })
      loop.start()
    },
    async stop() {
      await subscription?.close()
      await loop.stop()
      await processes.stop()
      await (await opened)?.close()
    },
    wanted(pluginId) {
      loop.kick()
      // Only a doorbell: who does not hear it looks by itself, a little later.
      const news = { id: createEventId(), topic: 'plugin.wanted', data: { plugin_id: pluginId } }
      bus.publish(auditSystemSubject, news).catch((error: unknown) =>
        log.warn('cannot announce what is wanted of a plugin', { plugin_id: pluginId, error })
      )
    },
    mesh,
    logs,
    host,
    isServing: (pluginId) => mesh.lane(pluginId)?.current?.state === 'up',
    stats: () => processes.stats(),
    metrics: () => processes.metrics(),
  }
}

function isAboutPlugins(message: unknown): boolean {
  const topic: unknown = typeof message === 'object' && message !== null
    ? Reflect.get(message, 'topic')
    : undefined
  return typeof topic === 'string' && topic.startsWith('plugin.')
}
