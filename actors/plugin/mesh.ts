/** The mesh of one kernel: which run serves each plugin, and calls that find it. */
import type {
  CallOptions,
  Pillar,
  PluginInstance,
  PluginState,
} from '../../kernel/contract/plugin.ts'
import type { PluginMesh, ServingPlugin } from '../../kernel/contract/plugin-mesh.ts'
import type { PluginRoutes } from '../../kernel/contract/plugin-route.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { route } from '../../kernel/plugin/route.ts'
import { isRepeatable } from './repeatable.ts'
import type { PluginRun } from './run.ts'

/** A plugin as its supervisor sees it. */
export interface Lane {
  /** Undefined when nobody wants it any more. */
  readonly pillar: Pillar | undefined
  readonly state: PluginState
  readonly priority: number
  /** The run that is called; undefined while none serves. */
  readonly current: PluginRun | undefined
  /** The old version, while the current one is watched. */
  readonly standby: PluginRun | undefined
}

/** The mesh, and how its supervisor changes it. */
export interface SupervisedMesh extends PluginMesh {
  set(pluginId: string, lane: Lane): void
  lane(pluginId: string): Lane | undefined
}

/** @param readRoutes - the rules of the admin */
export function createMesh(readRoutes: () => Promise<PluginRoutes>): SupervisedMesh {
  const lanes = new Map<string, Lane>()

  /** Calls on the run that serves, and if that fails, may be repeated and nothing came of it yet, on the other one. */
  async function calling<T>(
    pluginId: string,
    { method, options = {} }: { readonly method: string; readonly options?: CallOptions },
    work: (instance: PluginInstance) => Promise<T>,
  ): Promise<T> {
    const run = runOf(pluginId, lanes.get(pluginId))
    try {
      return await run.use(work)
    } catch (failure) {
      const spare = spareFor(run, lanes.get(pluginId))
      if (spare === undefined || !isRepeatable(method) || options.signal?.aborted) throw failure
      return await spare.use(work)
    }
  }

  const listServing = (pillar: Pillar) => [...lanes.values()].flatMap(servingFrom(pillar))

  return {
    set: (pluginId, lane) => void lanes.set(pluginId, lane),
    lane: (pluginId) => lanes.get(pluginId),

    call: (pluginId, method, request, options) =>
      calling(
        pluginId,
        { method, ...options && { options } },
        (instance) => instance.call(method, request, options),
      ),

    async *readStream(pluginId, method, request, options) {
      const run = runOf(pluginId, lanes.get(pluginId))
      let isBegun = false
      try {
        for await (
          const message of run.stream((instance) => instance.readStream(method, request, options))
        ) {
          isBegun = true
          yield message
        }
      } catch (failure) {
        const spare = spareFor(run, lanes.get(pluginId))
        const isFinal = isBegun || spare === undefined || !isRepeatable(method)
        if (isFinal || options?.signal?.aborted) throw failure
        yield* spare.stream((instance) => instance.readStream(method, request, options))
      }
    },

    async writeStream(pluginId, method, requests, options) {
      const run = runOf(pluginId, lanes.get(pluginId))
      return await run.use((instance) => instance.writeStream(method, requests, options))
    },

    pillarOf: (pluginId) => lanes.get(pluginId)?.pillar,
    listServing,

    async route(request) {
      const routes = await readRoutes()
      return route(routes[request.pillar], request, listServing(request.pillar))
    },
  }
}

/** @throws WE-PLG-001, -002, -004 */
function runOf(pluginId: string, lane: Lane | undefined): PluginRun {
  if (lane === undefined) {
    throw new WebEncodeError('WE-PLG-001', `Cannot call "${pluginId}": no such plugin is enabled`)
  }
  if (lane.current?.state === 'up') return lane.current
  // It has just gone, and its supervisor has not looked yet.
  if (lane.standby?.state === 'up') return lane.standby
  if (lane.state === 'disabled') {
    throw new WebEncodeError('WE-PLG-002', `Cannot call "${pluginId}": it is disabled`)
  }
  const problem = `Cannot call "${pluginId}": none of its processes serves, it is ${lane.state}`
  throw new WebEncodeError('WE-PLG-004', problem, { retryAfterSeconds: 2 })
}

/** The run beside the one that failed, while a version is watched, or just after it was rolled back. */
function spareFor(failed: PluginRun, lane: Lane | undefined): PluginRun | undefined {
  const isReplaced = lane?.current !== failed
  const spare = isReplaced && failed.isRetiring ? lane?.current : lane?.standby
  return spare !== failed && spare?.state === 'up' ? spare : undefined
}

function servingFrom(pillar: Pillar): (lane: Lane) => ServingPlugin[] {
  return ({ current, state, priority }) => {
    if (current?.state !== 'up') return []
    const { manifest } = current.plugin
    if (manifest.type !== pillar) return []
    return [{ manifest, state: state === 'degraded' ? 'degraded' : 'healthy', priority }]
  }
}
