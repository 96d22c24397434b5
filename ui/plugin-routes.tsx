/** Addresses of the plugin list and of one plugin, and the forms on them. */
import { type Context, Hono } from 'hono'
import { type Pillar, pillars } from '../kernel/contract/plugin.ts'
import { type PluginRule, pluginRuleSchema } from '../kernel/contract/plugin-route.ts'
import type { PluginView } from '../kernel/contract/plugin-view.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Caller } from '../kernel/gateway.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { readForm } from '../kernel/http/form.ts'
import { mayDo } from '../kernel/contract/access.ts'
import { receivePluginArchive } from '../kernel/http/plugin-archive.ts'
import type { Assets } from './assets.ts'
import {
  type ConfigField,
  configFieldsFrom,
  configFromForm,
  type FormValues,
  refilled,
} from './components/config-form.ts'
import type { PluginRights } from './components/plugin-actions.tsx'
import { formatLatency, pillarNames, pluginPath } from './components/plugin-words.ts'
import type { UiDeps } from './deps.ts'
import { act, redirectWithNotice } from './notice.ts'
import { fragment, page } from './page.ts'
import { type PluginForm, PluginLive, PluginLog, PluginPage } from './pages/plugin.tsx'
import { PluginsLive, PluginsPage } from './pages/plugins.tsx'

/** Log lines that the page shows. */
const logLines = 50

/** Routes below `/plugins`. */
export function pluginPageRoutes(deps: UiDeps, assets: Assets) {
  const { gateway, plugins } = deps
  const listView = async (c: Context<AppEnv>) => {
    const [found, routes] = await Promise.all([plugins.list(), plugins.routes()])
    return { plugins: found, routes, rights: rightsOf(c) }
  }
  const pageView = async (c: Context<AppEnv>, id: string, returned?: Partial<PluginForm>) => {
    const [plugin, rights] = [await plugins.read(id), rightsOf(c)]
    const canConfigure = rights.canManage && !plugin.is_built_in
    const form = canConfigure ? { ...await formOf(plugin), ...returned } : undefined
    return { plugin, rights, form, lines: plugins.logs(id, logLines) }
  }
  const formOf = async (plugin: PluginView): Promise<PluginForm> => ({
    fields: configFieldsFrom(plugin.config_schema, await plugins.readConfig(plugin.id)),
    priority: String(plugin.priority),
    errors: {},
  })
  const show = async (c: Context<AppEnv>, id: string, returned?: Partial<PluginForm>) =>
    await page(c, assets, id, <PluginPage view={await pageView(c, id, returned)} />)

  return new Hono<AppEnv>()
    .get('/plugins', async (c) => {
      return page(c, assets, 'Plugins', <PluginsPage view={await listView(c)} />)
    })
    .get('/plugins/live', async (c) => fragment(c, <PluginsLive view={await listView(c)} />))
    .post('/plugins/routes/:pillar', (c) =>
      act(c, '/plugins', async () => {
        const pillar = pillarOf(c)
        const rules = rulesFromForm(await readForm(c))
        await gateway.setPluginRoutes(pillar, rules, currentCaller(c))
        return { text: `The rules of ${pillarNames[pillar][0]} hold from now on.` }
      }))
    .get('/plugins/:id', (c) => show(c, idOf(c)))
    .get('/plugins/:id/live', async (c) => {
      return fragment(c, <PluginLive view={await pageView(c, idOf(c))} />)
    })
    .get('/plugins/:id/log', async (c) => {
      return fragment(c, <PluginLog view={await pageView(c, idOf(c))} />)
    })
    .post('/plugins/:id/config', async (c) => {
      const id = idOf(c)
      const { fields } = await formOf(await plugins.read(id))
      const form = await readForm(c)
      const priority = Number(form['priority'] ?? 0)
      try {
        const config = configFromForm(fields, form)
        await gateway.configurePlugin(id, { config, priority }, currentCaller(c))
      } catch (failure) {
        if (!(failure instanceof WebEncodeError) || failure.code !== 'WE-PLG-003') throw failure
        c.status(422)
        return await show(c, id, {
          fields: refilled(fields, form),
          priority: form['priority'] ?? '',
          errors: errorsFrom(failure, fields),
        })
      }
      const text = 'The configuration was stored.'
      return redirectWithNotice(c, pluginPath(id), { tone: 'success', text })
    })
    .route('/', pluginButtonRoutes(deps))
}

/** What changes one plugin at the press of a button. */
function pluginButtonRoutes({ gateway, maxUploadBytes }: UiDeps) {
  return new Hono<AppEnv>()
    .post('/plugins/:id/upgrade', (c) =>
      act(c, pluginPath(idOf(c)), async () => {
        await receivePluginArchive(c, gateway, idOf(c), maxUploadBytes)
        return { text: 'The new version tests itself now.' }
      }))
    .post(
      '/plugins/:id/enable',
      (c) => press(c, 'is being started.', (id, caller) => gateway.enablePlugin(id, caller)),
    )
    .post(
      '/plugins/:id/disable',
      (c) => press(c, 'is off.', (id, caller) => gateway.disablePlugin(id, caller)),
    )
    .post(
      '/plugins/:id/restart',
      (c) => press(c, 'gets a new process.', (id, caller) => gateway.restartPlugin(id, caller)),
    )
    .post('/plugins/:id/test', (c) =>
      act(c, pluginPath(idOf(c)), async () => {
        const id = idOf(c)
        const { ok, duration_ms, problem } = await gateway.testPlugin(id, currentCaller(c))
        if (ok) return { text: `The connection of ${id} works: ${formatLatency(duration_ms)}.` }
        return { tone: 'danger', text: `The connection of ${id} does not work: ${problem}` }
      }))
}

/** Does what a button asks for, and says what the plugin does now. */
function press(
  c: Context<AppEnv>,
  does: string,
  command: (id: string, caller: Caller) => Promise<unknown>,
): Promise<Response> {
  return act(c, pluginPath(idOf(c)), async () => {
    const id = idOf(c)
    await command(id, currentCaller(c))
    return { text: `${id} ${does}` }
  })
}

function rightsOf(c: Context<AppEnv>): PluginRights {
  return {
    csrfToken: csrfToken(c),
    canManage: mayDo(currentCaller(c).role, 'plugin', 'update'),
  }
}

/** Beside the field that is wrong, or above all of them. */
function errorsFrom(
  { path = '', message }: WebEncodeError,
  fields: readonly ConfigField[],
): Readonly<Record<string, string>> {
  const name = path.split(/[./]/).find((part) => part !== '') ?? ''
  return { [fields.some((field) => field.name === name) ? name : '']: message }
}

/** Rows with a match. @throws WE-JOB-001 for one that is no rule */
function rulesFromForm(form: FormValues): PluginRule[] {
  const numbers = Object.keys(form).flatMap((name) => /^matches\.(\d+)$/.exec(name)?.[1] ?? [])
  return numbers.filter((number) => form[`matches.${number}`]?.trim() !== '').map((number) => {
    const parsed = pluginRuleSchema.safeParse({
      matches: form[`matches.${number}`]?.trim(),
      plugin_id: form[`plugin.${number}`] ?? '',
      priority: Number(form[`priority.${number}`] ?? 0),
      gpu: form[`gpu.${number}`] === 'true',
    })
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    const problem = `Rule ${Number(number) + 1}: ${issue?.path.join('.')}: ${issue?.message}`
    throw new WebEncodeError('WE-JOB-001', problem)
  })
}

/** @throws WE-SYS-007 for any other word */
function pillarOf(c: Context<AppEnv>): Pillar {
  const pillar = pillars.find((name) => name === c.req.param('pillar'))
  if (pillar !== undefined) return pillar
  throw new WebEncodeError('WE-SYS-007', 'There is no such pillar')
}

/** @throws WE-PLG-001 when it cannot be the id of a plugin */
function idOf(c: Context<AppEnv>): string {
  const id = c.req.param('id') ?? ''
  if (/^[A-Za-z0-9._-]{1,100}$/.test(id)) return id
  throw new WebEncodeError('WE-PLG-001', 'No plugin has such an id')
}
