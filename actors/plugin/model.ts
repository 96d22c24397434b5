/** The words of a plugin actor: one per plugin and kernel, through all the processes that it has there. */
import type { Pillar } from '../../kernel/contract/plugin.ts'

/** How long things last, in milliseconds. Kept by the actor, so that all its transitions agree. */
export interface PluginTiming {
  /** Before the first restart; each later one waits {@link backoffFactor} times as long. @default 250 */
  readonly backoffMs: number
  /** A plugin that serves this long is forgiven its restarts. @default 10 minutes */
  readonly forgiveMs: number
  /** More than a tenth of the calls may fail this long. @default 2 minutes */
  readonly failingMs: number
  /** How long a new version is watched before the old one goes. @default 5 minutes */
  readonly watchMs: number
}

/** The specification's times. */
export const usualTiming: PluginTiming = {
  backoffMs: 250,
  forgiveMs: 600_000,
  failingMs: 120_000,
  watchMs: 300_000,
}

export const backoffFactor = 4
/** Restarts in a row, without a time of good service between, after which a plugin is disabled. */
export const mostRestarts = 5

/** What the admin wants of a plugin: the row of `plugin_configs`. */
export interface PluginWant {
  /** Grows with every change. */
  readonly revision: number
  /** Grows when the configuration changes: its process has to be started anew. */
  readonly configRevision: number
  readonly isEnabled: boolean
  readonly version: string
  /** Who changed it last. */
  readonly by: string
}

/** What a plugin actor is born with. */
export interface PluginInput extends PluginWant {
  readonly pluginId: string
  readonly kernelId: string
  readonly pillar: Pillar
  readonly timing: PluginTiming
}

/** Why a plugin is disabled: an admin wants it so, it crashed too often, or it cannot be started at all. */
export type DisabledBy = 'admin' | 'crashes' | 'blocked'

/** How the last upgrade ended. */
export interface UpgradeEnd {
  readonly outcome: 'kept' | 'refused' | 'rolled-back'
  readonly version: string
  readonly problem: string | null
}

/** What a plugin actor remembers. A run is one start of a process; their numbers only grow. */
export interface PluginContext {
  readonly pluginId: string
  readonly kernelId: string
  readonly pillar: Pillar
  readonly timing: PluginTiming
  readonly revision: number
  readonly configRevision: number
  /** The version that is to serve. */
  readonly wantedVersion: string
  /** The version that serves, or is being started. */
  readonly version: string
  readonly lastRun: number
  /** The run that serves, or is being started. */
  readonly run: number
  /** The run of the wanted version while it is tested in the shadow of the one that serves. */
  readonly shadowRun: number | null
  /** The version that an upgrade under watch replaced. */
  readonly previousVersion: string | null
  /** Its process, which waits to take over again; null when it is gone. */
  readonly standbyRun: number | null
  readonly restarts: number
  /** The last thing that went wrong and still matters. */
  readonly problem: string | null
  readonly disabledBy: DisabledBy | null
  readonly upgrade: UpgradeEnd | null
}

/** How the calls of a run go. `failing`: more than a tenth of them fail. */
export type CallHealth = 'healthy' | 'degraded' | 'failing'

/** The judgement about the calls of a run changed. */
export interface PluginJudged {
  readonly type: 'judged'
  readonly run: number
  readonly health: CallHealth
  /** So many calls fail that a version under watch has to go. */
  readonly isErroneous: boolean
  readonly problem: string | null
}

/** A process shook hands; for a run in the shadow: and passed its self-test. */
export interface PluginStarted {
  readonly type: 'started'
  readonly run: number
  readonly version: string
}

/** What a plugin actor hears. */
export type PluginEvent =
  | (PluginWant & { readonly type: 'want' })
  | { readonly type: 'restart'; readonly by: string }
  | PluginStarted
  /** A process ended by itself, or did not start. */
  | { readonly type: 'crashed'; readonly run: number; readonly problem: string }
  /** The kernel began anew: its processes are gone, through no fault of theirs. */
  | { readonly type: 'lost'; readonly run: number }
  /** It cannot be started: its folder, its manifest or its configuration is wrong. */
  | { readonly type: 'blocked'; readonly problem: string }
  /** What blocked it is put right. */
  | { readonly type: 'unblocked' }
  | PluginJudged

/** State of the machine, as its snapshot holds it. */
export type PluginMachineState =
  | 'starting'
  | 'failed'
  | 'restarting'
  | 'disabled'
  | {
    readonly serving: {
      readonly health: CallHealth
      readonly upgrade: 'deciding' | 'none' | 'testing' | 'watching'
    }
  }

/** The context of a new actor. */
export function pluginContextFrom(
  { isEnabled: _isEnabled, by: _by, version, ...input }: PluginInput,
): PluginContext {
  return {
    ...input,
    wantedVersion: version,
    version,
    lastRun: 0,
    run: 0,
    shadowRun: null,
    previousVersion: null,
    standbyRun: null,
    restarts: 0,
    problem: null,
    disabledBy: null,
    upgrade: null,
  }
}
