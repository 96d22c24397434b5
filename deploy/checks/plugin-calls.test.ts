/** Calls to real plugin processes while these are upgraded, rolled back and killed. */
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { ann, eventually, openWorld, type World } from '../../actors/desk/world.fixture.ts'
import { readConfig } from '../../kernel/config.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import { silentLog } from '../../kernel/log.ts'
import { createMetrics } from '../../kernel/metrics.ts'
import { createKernelPlugins, type KernelPlugins } from '../box/plugins.ts'
import { packPlugin, type PluginProgram, writePlugin } from './plugin-program.ts'
import { createDataDirectory, stopProducts } from './product.ts'

const id = 'publisher-check'
let world: World
let pluginDirectory = ''
let plugins: KernelPlugins
let mesh: PluginMesh

before(async () => {
  world = await openWorld()
  pluginDirectory = createDataDirectory()
  const env = { PLUGIN_DIR: pluginDirectory, WEBENCODE_DATA_DIR: createDataDirectory() }
  writePlugin(pluginDirectory, id)
  plugins = createKernelPlugins({
    ...world,
    config: readConfig(env),
    log: silentLog,
    metrics: createMetrics({ withProcess: false }),
    isCluster: false,
  })
  assert.ok(plugins.mesh)
  mesh = plugins.mesh
  await plugins.start()
  await plugins.commands.enablePlugin(id, ann)
  await serves('1.0.0')
})
after(async () => {
  await plugins.stop()
  await world.close()
  await stopProducts()
})

const serving = () => mesh.listServing('publisher').find(({ manifest }) => manifest.id === id)
async function serves(version: string): Promise<void> {
  const giveUpAt = Date.now() + 60_000
  while (serving()?.manifest.version !== version) {
    assert.ok(Date.now() < giveUpAt, `version ${version} does not serve`)
    await systemClock.sleep(20)
  }
}
async function upgrade(program: PluginProgram): Promise<void> {
  const archive = packPlugin(writePlugin(createDataDirectory(), id, program))
  await plugins.commands.upgradePlugin(id, createReadStream(archive), ann)
}

/** Calls 200 times a second until `work` has ended. @returns milliseconds of each call, and what failed */
async function callDuring(work: () => Promise<unknown>) {
  const times: number[] = []
  const failures: string[] = []
  const open = new Set<Promise<void>>()
  const timer = setInterval(() => {
    const from = performance.now()
    const call = mesh.call(id, 'UpdateMetadata', { title: 'a' })
      .then(() => void times.push(performance.now() - from))
      .catch((failure: Error) => void failures.push(failure.message))
      .finally(() => open.delete(call))
    open.add(call)
  }, 5)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  await Promise.all(open)
  times.sort((a, b) => a - b)
  const at = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(1)} ms`
  return {
    failures,
    calls: times.length,
    figures: `${times.length} calls, p50 ${at(0.5)}, p99 ${at(0.99)}`,
  }
}

test('no call is lost when a version takes over, nor when the next one is rolled back', async (t) => {
  const over = await callDuring(async () => {
    await upgrade({ version: '1.1.0' })
    await serves('1.1.0')
    await systemClock.sleep(500)
  })
  t.diagnostic(`upgrade: ${over.figures}`)
  assert.deepEqual(over.failures, [])
  assert.ok(over.calls > 100)

  const back = await callDuring(async () => {
    await upgrade({ version: '1.2.0', fails: true })
    await serves('1.2.0')
    await serves('1.1.0')
    await systemClock.sleep(500)
  })
  t.diagnostic(`rollback: ${back.figures}`)
  assert.deepEqual(back.failures, [])
  const { upgrade: end, version } = await plugins.directory.read(id)
  assert.deepEqual([end.outcome, end.version, version], ['rolled-back', '1.2.0', '1.1.0'])
})

test('a plugin that is killed serves again', async (t) => {
  const [pid] = await pidsOf()
  assert.ok(pid)
  const from = Date.now()
  process.kill(pid, 'SIGKILL')
  await eventually(async () => (await pidsOf()).some((other) => other !== pid) && serving())
  await eventually(async () =>
    mesh.call(id, 'UpdateMetadata', { title: 'a' }).then(() => true, () => false)
  )
  t.diagnostic(`crash to serving again: ${Date.now() - from} ms`)
  assert.equal((await plugins.directory.read(id)).restarts, 1)
})

/** Numbers of the processes that hold the plugin’s program. */
async function pidsOf(): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(names.map(async (name) => {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    return command.includes(`${pluginDirectory}/.versions`) && command.includes('main.ts')
      ? [Number(name)]
      : []
  }))
  return found.flat()
}
