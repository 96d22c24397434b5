import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import { builtInEncoderId } from '../../kernel/contract/encoder-routing.ts'
import type { FoundPlugin, PluginManifest } from '../../kernel/contract/plugin.ts'
import { sql } from '../../kernel/db/database.ts'
import { readEncoderRouting } from '../../kernel/db/encoder-routing.ts'
import { writePluginEnabled } from '../../kernel/db/plugin-configs.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { silentLog } from '../../kernel/log.ts'
import type { PluginCommands, PluginDirectory } from '../../kernel/plugin-desk.ts'
import { ann, eventually, openWorld, type World } from '../desk/world.fixture.ts'
import { createFakeHost, manifestOf } from '../plugin/host.fixture.ts'
import { openPluginKernel, type PluginKernel } from '../plugin/mesh.fixture.ts'
import { createPluginDirectory, type DirectoryOptions } from './plugin-directory.ts'
import { createPluginCommands } from './plugins.ts'

let world: World
let kernel: PluginKernel
let root = ''
let plugins = ''
let directoryOptions: DirectoryOptions
let directory: PluginDirectory
let commands: PluginCommands
let id = ''
let count = 0

/** A manifest of the tests: the text of `plugin.toml` is JSON here. */
async function readFolder(folder: string): Promise<FoundPlugin> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, 'plugin.toml'), 'utf8'))
    if (manifest.id === basename(folder)) return { folder, manifest }
    return { folder, problem: `plugin.id must be "${basename(folder)}"` }
  } catch {
    return { folder, problem: 'It has no plugin.toml' }
  }
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'webencode-plugins-'))
  plugins = join(root, 'plugins')
  world = await openWorld()
  const host = createFakeHost()
  const taken = new Set(['storage-fs', 'auth-basic'])
  kernel = await openPluginKernel(world, { host, directory: plugins, readFolder, taken })
  const { supervisor, folders } = kernel
  const startedAtMs = Date.now() - 5000
  const builtIn = [
    { manifest: manifestOf('storage-fs'), startedAtMs },
    { manifest: manifestOf('auth-basic', '1.0.0', { type: 'auth' }), startedAtMs },
    { manifest: manifestOf(builtInEncoderId, '1.0.0', { type: 'encoder' }) },
  ]
  directoryOptions = {
    db: world.db,
    folders,
    logs: supervisor.logs,
    kernelId: 'k1',
    isServing: supervisor.isServing,
    readBuiltIn: () => Promise.resolve(builtIn),
    clock: systemClock,
  }
  directory = createPluginDirectory(directoryOptions)
  commands = createPluginCommands({
    ...world,
    clock: systemClock,
    log: silentLog,
    directory,
    running: { supervisor, folders, pluginDirectory: plugins, readFolder },
  })
})
after(async () => {
  await kernel.kill()
  await world.close()
  await rm(root, { recursive: true, force: true })
})
beforeEach(() => {
  id = `storage-${++count}`
  kernel.host.found.push({ folder: join(plugins, id), manifest: manifestOf(id) })
  kernel.folders.forget()
})

const refused = (code: string, path?: string) => (failure: unknown) => {
  assert.ok(failure instanceof WebEncodeError, String(failure))
  assert.deepEqual([failure.code, failure.path], [code, path], failure.message)
  return true
}
const reaches = (state: string) =>
  eventually(async () => {
    const view = await directory.read(id)
    return view.state === state && view
  })

/** A gzipped tar of a folder with this manifest. */
async function archiveOf(
  manifest: PluginManifest,
  { inFolder = true, main = 'main.ts' } = {},
): Promise<string> {
  const source = join(root, `source-${++count}`)
  const folder = inFolder ? join(source, manifest.id) : source
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'plugin.toml'), JSON.stringify(manifest))
  await writeFile(join(folder, main), 'program')
  const file = `${source}.tar.gz`
  execFileSync('tar', ['-czf', file, '-C', source, '.'])
  return file
}
const upgrade = async (manifest: PluginManifest, options?: Parameters<typeof archiveOf>[1]) =>
  await commands.upgradePlugin(id, createReadStream(await archiveOf(manifest, options)), ann)

test('plugins are listed with built-in ones, and those that cannot be used with their reason', async () => {
  const problem = 'Cannot use "newer": protocol_version must be 1, and it is 2'
  kernel.host.found.push({ folder: join(plugins, 'newer'), problem })
  kernel.folders.forget()
  const views = await directory.list()
  const find = (wanted: string) => views.find((view) => view.id === wanted)
  const builtIn = find('storage-fs')
  assert.deepEqual([builtIn?.is_built_in, builtIn?.state], [true, 'healthy'])
  assert.ok((builtIn?.uptime_seconds ?? 0) >= 5)
  const newer = find('newer')
  assert.deepEqual([newer?.state, newer?.problem, newer?.is_enabled], ['disabled', problem, false])
  assert.deepEqual([find(id)?.state, find(id)?.version], ['disabled', '1.0.0'])
  await assert.rejects(commands.enablePlugin('newer', ann), refused('WE-PLG-002'))
  await assert.rejects(commands.disablePlugin('storage-fs', ann), refused('WE-PLG-002'))
  await assert.rejects(commands.enablePlugin('nobody', ann), refused('WE-PLG-001'))
})

test('a folder with the id of a part of the kernel is refused with its reason, and never started', async () => {
  const reason =
    'The folder "auth-basic" of PLUGIN_DIR is not used: its id must be free, and a part of the kernel has it'
  const read = async () => (await directory.list()).filter((view) => view.id === 'auth-basic')
  const wanted = { id: 'auth-basic', pillar: 'auth', by: 'Ann' } as const
  assert.deepEqual((await read()).map(({ problem }) => problem), [null])
  const manifest = manifestOf('auth-basic', '1.0.0', { type: 'auth' })
  kernel.host.found.push({ folder: join(plugins, 'auth-basic'), manifest })
  kernel.folders.forget()
  try {
    const [view, ...others] = await read()
    assert.deepEqual([view?.is_built_in, view?.state, view?.problem], [true, 'healthy', reason])
    assert.deepEqual(others, [])
    await assert.rejects(
      commands.enablePlugin('auth-basic', ann),
      refused('WE-PLG-003', 'plugin.id'),
    )
    // Somebody may have wanted it when the part of the kernel was not there yet.
    await writePluginEnabled(world.db, { ...wanted, isEnabled: true })
    kernel.supervisor.wanted('auth-basic')
    const instance = await eventually(async () => {
      const found = await kernel.instance('auth-basic')
      return found?.state === 'disabled' && found
    })
    assert.deepEqual([instance.disabledBy, instance.problem], ['blocked', reason])
    assert.equal(kernel.host.processes.some((process) => process.id === 'auth-basic'), false)
  } finally {
    await writePluginEnabled(world.db, { ...wanted, isEnabled: false })
    kernel.host.found.pop()
    kernel.folders.forget()
  }
})

test('what served before the kernel began anew is starting until a process serves', async () => {
  await commands.enablePlugin(id, ann)
  await reaches('healthy')
  const anew = createPluginDirectory({ ...directoryOptions, isServing: () => false })
  const view = await anew.read(id)
  assert.deepEqual([view.state, view.uptime_seconds, view.calls], ['starting', null, null])
  assert.deepEqual(view.kernels.map(({ state }) => state), ['starting'])
  const elsewhere = createPluginDirectory({ ...directoryOptions, kernelId: 'k2' })
  assert.equal((await elsewhere.read(id)).state, 'healthy')
  await commands.disablePlugin(id, ann)
  await reaches('disabled')
  assert.equal((await anew.read(id)).state, 'disabled')
})

test('a plugin is configured, enabled, measured, restarted and disabled', async () => {
  await commands.configurePlugin(id, { config: { bucket: 'a' }, priority: 3 }, ann)
  assert.deepEqual(await directory.readConfig(id), { bucket: 'a' })
  assert.equal((await directory.read(id)).state, 'disabled')
  await commands.enablePlugin(id, ann)
  const view = await reaches('healthy')
  assert.deepEqual([view.priority, view.is_enabled, view.kernels.length], [3, true, 1])
  await eventually(async () => kernel.mesh.lane(id)?.current)
  await kernel.mesh.call(id, 'Browse', {})
  await commands.restartPlugin(id, ann)
  await eventually(async () => kernel.mesh.lane(id)?.current?.number === 2)
  assert.equal((await reaches('healthy')).restarts, 0)
  await commands.disablePlugin(id, ann)
  await reaches('disabled')
  await assert.rejects(commands.restartPlugin(id, ann), refused('WE-PLG-002'))
})

test('the encoder that every worker has can be switched off and on, and nothing else be done to it', async () => {
  const isOn = async () => {
    const { state, is_enabled, uptime_seconds } = await directory.read(builtInEncoderId)
    const { plugins: wants } = await readEncoderRouting(world.db)
    return [state, is_enabled, uptime_seconds, wants.find((want) => want.id === builtInEncoderId)]
  }
  const off = { id: builtInEncoderId, isEnabled: false, priority: 0, version: null, config: {} }
  assert.deepEqual(await isOn(), ['healthy', true, null, undefined])
  await commands.disablePlugin(builtInEncoderId, ann)
  assert.deepEqual(await isOn(), ['disabled', false, null, off])
  await commands.enablePlugin(builtInEncoderId, ann)
  assert.deepEqual(await isOn(), ['healthy', true, null, undefined])
  for (
    const command of [
      () => commands.configurePlugin(builtInEncoderId, { config: {} }, ann),
      () => commands.restartPlugin(builtInEncoderId, ann),
      () => commands.testPlugin(builtInEncoderId, ann),
    ]
  ) await assert.rejects(command(), refused('WE-PLG-002'))
  const rule = { matches: 'h264', gpu: false, plugin_id: builtInEncoderId, priority: 0 }
  await commands.setPluginRoutes('encoder', [rule], ann)
  assert.deepEqual((await readEncoderRouting(world.db)).rules, [rule])
})

test('configurePlugin() refuses what breaks the schema, and secrets in clear', async () => {
  const configure = (config: Record<string, unknown>) =>
    commands.configurePlugin(id, { config }, ann)
  await assert.rejects(configure({ bucket: 7 }), refused('WE-PLG-003', 'bucket'))
  await assert.rejects(configure({ secret_key: 'clear' }), refused('WE-PLG-003', 'secret_key'))
  const nested = { a: { client_secret: 'clear' } }
  await assert.rejects(configure(nested), refused('WE-PLG-003', 'a.client_secret'))
  assert.deepEqual(await directory.readConfig(id), {})
  const [row] = await world.db.query<{ n: number }>(
    sql`SELECT count(*)::int AS n FROM plugin_configs WHERE config_json::text LIKE '%clear%'`,
  )
  assert.equal(row?.n, 0)
})

test('enablePlugin() refuses a plugin whose stored configuration breaks its schema', async () => {
  await world.db.query(sql`
    INSERT INTO plugin_configs (id, plugin_type, config_json, is_enabled)
    VALUES (${id}, 'storage', '{"bucket": 7}', false)`)
  await assert.rejects(commands.enablePlugin(id, ann), refused('WE-PLG-003', 'bucket'))
})

test('testPlugin() tests the process that serves, or one that lives only as long', async () => {
  const alive = () => kernel.host.alive().filter((process) => process.id === id).length
  const behaviour = { failsCheck: false }
  kernel.host.behaviours.set(`${id}@1.0.0`, behaviour)
  const first = await commands.testPlugin(id, ann)
  assert.deepEqual([first.ok, first.problem, alive()], [true, null, 0])
  behaviour.failsCheck = true
  const second = await commands.testPlugin(id, ann)
  assert.deepEqual([second.ok, alive()], [false, 0])
  assert.match(second.problem ?? '', /fails its test/)
  behaviour.failsCheck = false
  await commands.enablePlugin(id, ann)
  await reaches('healthy')
  await eventually(async () => kernel.mesh.lane(id)?.current)
  assert.equal((await commands.testPlugin(id, ann)).ok, true)
  assert.equal(alive(), 1)
})

test('upgradePlugin() takes an archive of the folder or of its contents, and begins the upgrade', async () => {
  await commands.enablePlugin(id, ann)
  await reaches('healthy')
  await upgrade(manifestOf(id, '1.1.0'))
  await eventually(async () => (await directory.read(id)).upgrade.outcome === 'kept')
  assert.equal((await directory.read(id)).version, '1.1.0')
  await upgrade(manifestOf(id, '1.2.0'), { inFolder: false })
  const view = await eventually(async () => {
    const found = await directory.read(id)
    return found.version === '1.2.0' && found
  })
  assert.equal(view.upgrade.phase, 'watching')
  const versions = await readdir(join(plugins, '.versions'))
  assert.deepEqual(versions.filter((name) => name.startsWith(id)).sort(), [
    `${id}@1.1.0`,
    `${id}@1.2.0`,
  ])
})

test('upgradePlugin() refuses what does not fit, and leaves nothing behind', async () => {
  await commands.configurePlugin(id, { config: { bucket: 'a' } }, ann)
  const schema = { type: 'object', properties: {} }
  const cases = [
    [manifestOf('other', '1.1.0'), 'plugin.toml'],
    [manifestOf(id), 'plugin.version'],
    [manifestOf(id, '1.1.0', { type: 'auth' }), 'plugin.type'],
    [manifestOf(id, '1.1.0', { configSchema: schema }), 'bucket'],
  ] as const
  for (const [manifest, path] of cases) {
    await assert.rejects(upgrade(manifest), refused('WE-PLG-003', path))
  }
  const broken = (async function* () {
    yield Buffer.from('this is no archive')
  })()
  await assert.rejects(commands.upgradePlugin(id, broken, ann), refused('WE-PLG-003', 'archive'))
  const cut = (async function* () {
    yield Buffer.from('the beginning')
    throw new WebEncodeError('WE-SYS-006', 'The file is larger than the 1 bytes allowed')
  })()
  await assert.rejects(commands.upgradePlugin(id, cut, ann), refused('WE-SYS-006'))
  const left = (await readdir(join(plugins, '.versions'))).filter((name) =>
    name.startsWith('.') || name.startsWith(id)
  )
  assert.deepEqual(left, [])
  assert.equal(existsSync(join(plugins, id)), false)
})

test('setPluginRoutes() refuses plugins that there are not, and decides calls', async () => {
  const rule = { matches: 's3://', gpu: false, plugin_id: id, priority: 50 }
  const wrong = [rule, { ...rule, plugin_id: 'nobody' }]
  await assert.rejects(
    commands.setPluginRoutes('storage', wrong, ann),
    refused('WE-PLG-001', '1.plugin_id'),
  )
  await commands.setPluginRoutes('storage', [rule], ann)
  await commands.enablePlugin(id, ann)
  await reaches('healthy')
  await eventually(async () => kernel.mesh.lane(id)?.current)
  const request = { pillar: 'storage', value: 's3://bucket/key' } as const
  assert.equal((await kernel.mesh.route(request))[0], id)
})
