/** Routes of plugins: list, read, configure, command, upgrade, and the rules that route calls to them. */
import { z } from 'zod'
import {
  pluginLogLineSchema,
  pluginTestSchema,
  pluginViewSchema,
} from '../../contract/plugin-view.ts'
import { pillarRulesSchema, pluginRoutesSchema } from '../../contract/plugin-route.ts'
import { pillars } from '../../contract/plugin.ts'
import type { Caller } from '../../gateway.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { mayDo } from '../../contract/access.ts'
import { receivePluginArchive } from '../plugin-archive.ts'
import { idParams } from './input.ts'

const plugin = pluginViewSchema
  .extend({ config: z.record(z.string(), z.unknown()).optional() })
  .meta({ id: 'Plugin', description: 'config is there for administrators, who may change it' })
const logLine = pluginLogLineSchema.meta({ id: 'PluginLogLine' })
const test = pluginTestSchema.meta({ id: 'PluginTest' })
const routes = pluginRoutesSchema.meta({ id: 'PluginRoutes' })
const answersPlugin = { 200: json(plugin, 'The plugin') }

const list = route('get', '/v1/plugins', {
  summary: 'List the plugins',
  responses: { 200: json(z.strictObject({ plugins: z.array(plugin) }), 'By pillar and id') },
})

const read = route('get', '/v1/plugins/{id}', {
  summary: 'Read a plugin',
  request: { params: idParams },
  responses: answersPlugin,
})

const configure = route('put', '/v1/plugins/{id}/config', {
  summary: 'Store a configuration that fits the schema of the plugin; secrets only as references',
  request: {
    params: idParams,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            config: z.record(z.string(), z.unknown()),
            priority: z.int().min(-1000).max(1000).optional(),
          }),
        },
      },
    },
  },
  responses: answersPlugin,
})

const command = (verb: string, summary: string) =>
  route('post', `/v1/plugins/{id}/${verb}`, {
    summary,
    request: { params: idParams },
    responses: answersPlugin,
  })
const enable = command('enable', 'Start a plugin in every kernel')
const disable = command('disable', 'Stop a plugin in every kernel')
const restart = command('restart', 'Give a plugin new processes, and move its calls to them')
const upgrade = command(
  'upgrade',
  'Take a new version, a gzipped tar; it is tested, serves, is watched, and kept or rolled back',
)

const testRoute = route('post', '/v1/plugins/{id}/test', {
  summary: 'Run the self-test of a plugin',
  request: { params: idParams },
  responses: { 200: json(test, 'How it went') },
})

const logs = route('get', '/v1/plugins/{id}/logs', {
  summary: 'Read the last log lines of a plugin in this kernel',
  request: {
    params: idParams,
    query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
  },
  responses: { 200: json(z.strictObject({ lines: z.array(logLine) }), 'Oldest first') },
})

const readRoutes = route('get', '/v1/plugins/routes', {
  summary: 'Read the rules that route calls to plugins',
  responses: { 200: json(routes, 'By pillar, in the order of the admin') },
})

const writeRoutes = route('put', '/v1/plugins/routes/{pillar}', {
  summary: 'Replace the routing rules of a pillar',
  request: {
    params: z.object({ pillar: z.enum(pillars) }),
    body: {
      required: true,
      content: {
        'application/json': { schema: z.strictObject({ rules: pillarRulesSchema }) },
      },
    },
  },
  responses: { 200: json(routes, 'All rules') },
})

/** Routes below `/v1/plugins`. The fixed paths come first. */
export function pluginRoutes({ gateway, plugins, config }: HttpDeps) {
  const shown = async (id: string, { role }: Pick<Caller, 'role'>) => {
    const view = await plugins.read(id)
    if (!mayDo(role, 'plugin', 'update') || view.is_built_in) return view
    return { ...view, config: { ...await plugins.readConfig(id) } }
  }
  return createApi()
    .openapi(readRoutes, async (c) => c.json(await plugins.routes(), 200))
    .openapi(writeRoutes, async (c) => {
      const { pillar } = c.req.valid('param')
      const { rules } = c.req.valid('json')
      return c.json(await gateway.setPluginRoutes(pillar, rules, currentCaller(c)), 200)
    })
    .openapi(list, async (c) => c.json({ plugins: [...await plugins.list()] }, 200))
    .openapi(read, async (c) => c.json(await shown(c.req.valid('param').id, currentCaller(c)), 200))
    .openapi(configure, async (c) => {
      const { id } = c.req.valid('param')
      await gateway.configurePlugin(id, c.req.valid('json'), currentCaller(c))
      return c.json(await shown(id, currentCaller(c)), 200)
    })
    .openapi(enable, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await gateway.enablePlugin(id, currentCaller(c)), 200)
    })
    .openapi(disable, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await gateway.disablePlugin(id, currentCaller(c)), 200)
    })
    .openapi(restart, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await gateway.restartPlugin(id, currentCaller(c)), 200)
    })
    .openapi(testRoute, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await gateway.testPlugin(id, currentCaller(c)), 200)
    })
    .openapi(upgrade, async (c) => {
      const { id } = c.req.valid('param')
      return c.json(await receivePluginArchive(c, gateway, id, config.maxUploadBytes), 200)
    })
    .openapi(logs, async (c) => {
      const { id } = c.req.valid('param')
      await plugins.read(id)
      return c.json({ lines: [...plugins.logs(id, c.req.valid('query').limit)] }, 200)
    })
}
