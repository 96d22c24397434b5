/** The row of `plugin_instances` that shows a plugin actor: how it is, and which processes it should have. */
import type { PluginProcess, PluginRow } from '../../kernel/db/actor-store.ts'
import type { PluginState } from '../../kernel/contract/plugin.ts'
import type { PluginContext, PluginMachineState } from './model.ts'

/** The row of the plugin in this state. */
export function pluginRowFrom(
  actorId: string,
  state: PluginMachineState,
  context: PluginContext,
): PluginRow {
  return {
    actorId,
    pluginId: context.pluginId,
    kernelId: context.kernelId,
    pillar: context.pillar,
    state: pluginStateOf(state),
    version: context.version,
    revision: context.revision,
    run: context.run,
    restarts: context.restarts,
    problem: context.problem,
    disabledBy: context.disabledBy,
    upgrade: { phase: upgradePhaseOf(state), end: context.upgrade && { ...context.upgrade } },
    processes: processesOf(state, context),
  }
}

/** The state under the specification's names. */
function pluginStateOf(state: PluginMachineState): PluginState {
  if (typeof state === 'string') return state
  return state.serving.health === 'healthy' ? 'healthy' : 'degraded'
}

function upgradePhaseOf(state: PluginMachineState): 'none' | 'testing' | 'watching' {
  if (typeof state === 'string' || state.serving.upgrade === 'deciding') return 'none'
  return state.serving.upgrade
}

/** What the supervisor makes true. */
function processesOf(state: PluginMachineState, context: PluginContext): PluginProcess[] {
  const { run, version, wantedVersion, shadowRun, standbyRun, previousVersion } = context
  if (state === 'failed' || state === 'disabled') return []
  const current = { run, version, role: 'current' } as const
  if (typeof state === 'string') return [{ ...current, isStarted: false }]
  const processes: PluginProcess[] = [{ ...current, isStarted: true }]
  if (shadowRun !== null) {
    processes.push({ run: shadowRun, version: wantedVersion, role: 'shadow', isStarted: false })
  }
  if (standbyRun !== null && previousVersion !== null) {
    processes.push({ run: standbyRun, version: previousVersion, role: 'standby', isStarted: true })
  }
  return processes
}
