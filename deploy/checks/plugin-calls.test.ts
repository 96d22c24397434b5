/** Calls to real plugin processes while these are upgraded, rolled back and killed. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { eventually } from '../../actors/desk/world.fixture.ts'
import { stopProducts } from './product.ts'
import {
  type Load,
  openServedPlugin,
  rollBackUnderLoad,
  type ServedPlugin,
  servedPluginId as id,
  upgradeUnderLoad,
} from './served-plugin.ts'

let served: ServedPlugin
before(async () => {
  served = await openServedPlugin()
})
after(async () => {
  await served.close()
  await stopProducts()
})

const figuresOf = ({ timesMs }: Load) => {
  const at = (share: number) =>
    `${(timesMs[Math.floor(timesMs.length * share)] ?? 0).toFixed(1)} ms`
  return `${timesMs.length} calls, p50 ${at(0.5)}, p99 ${at(0.99)}`
}

test('no call is lost when a version takes over, nor when the next one is rolled back', async (t) => {
  const over = await upgradeUnderLoad(served)
  t.diagnostic(`upgrade: ${figuresOf(over)}`)
  assert.deepEqual(over.failures, [])
  assert.ok(over.timesMs.length > 100)

  const back = await rollBackUnderLoad(served)
  t.diagnostic(`rollback: ${figuresOf(back)}`)
  assert.deepEqual(back.failures, [])
  assert.ok(back.timesMs.length > 100)
  const { upgrade: end, version } = await served.plugins.directory.read(id)
  assert.deepEqual([end.outcome, end.version, version], ['rolled-back', '1.2.0', '1.1.0'])
})

test('a plugin that is killed serves again', async (t) => {
  const [pid] = await pidsOf()
  assert.ok(pid)
  const from = Date.now()
  process.kill(pid, 'SIGKILL')
  await eventually(async () => (await pidsOf()).some((other) => other !== pid) && served.serving())
  await eventually(async () =>
    served.mesh.call(id, 'UpdateMetadata', { title: 'a' }).then(() => true, () => false)
  )
  t.diagnostic(`crash to serving again: ${Date.now() - from} ms`)
  assert.equal((await served.plugins.directory.read(id)).restarts, 1)
})

/** Numbers of the processes that hold the plugin’s program. */
async function pidsOf(): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(names.map(async (name) => {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    return command.includes(`${served.pluginDirectory}/.versions`) && command.includes('main.ts')
      ? [Number(name)]
      : []
  }))
  return found.flat()
}
