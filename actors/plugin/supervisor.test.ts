import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  writePluginConfig,
  writePluginEnabled,
  writePluginVersion,
} from '../../kernel/db/plugin-configs.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { eventually, openWorld, type World } from '../desk/world.fixture.ts'
import { manifestOf } from './host.fixture.ts'
import { openPluginKernel, type PluginKernel } from './mesh.fixture.ts'
import { mostRestarts } from './model.ts'

let world: World
let kernel: PluginKernel
let id = ''
let count = 0
const who = () => ({ id, pillar: 'storage' as const, by: 'Ann' })

before(async () => {
  world = await openWorld()
  kernel = await openPluginKernel(world)
})
after(async () => {
  await kernel.kill()
  await world.close()
})
beforeEach(() => {
  id = `storage-${++count}`
  install(kernel)
})

/** Puts the plugin of the test into `PLUGIN_DIR`. */
function install({ host, folders }: PluginKernel, version = '1.0.0'): void {
  host.found.push({ folder: `/plugins/${id}`, manifest: manifestOf(id, version) })
  folders.forget()
}
function upload({ host, folders }: PluginKernel, version: string): void {
  const folder = folders.versionFolder(id, version)
  host.uploaded.set(folder, { folder, manifest: manifestOf(id, version) })
}
async function enable(isEnabled = true): Promise<void> {
  await writePluginEnabled(world.db, { ...who(), isEnabled })
  kernel.supervisor.wanted(id)
}
const reaches = (state: string, where = kernel) =>
  eventually(async () => {
    const instance = await where.instance(id)
    return instance?.state === state && instance
  })
const mine = ({ host } = kernel) => host.alive().filter((process) => process.id === id)
const call = (method = 'Browse', where = kernel) => where.mesh.call(id, method, {})
const refused = (code: string) => (failure: unknown) =>
  failure instanceof WebEncodeError && failure.code === code

test('without a wanted plugin no host is opened', async () => {
  const idle = await openPluginKernel(world, { kernelId: 'idle' })
  await idle.supervisor.stop()
  assert.equal(idle.opened.times, 0)
})

test('a plugin that is enabled is started and called, and stopped when it is disabled', async () => {
  await assert.rejects(call(), refused('WE-PLG-001'))
  await enable()
  const { version, run, startedAt } = await reaches('healthy')
  assert.deepEqual([version, run], ['1.0.0', 1])
  assert.ok(startedAt)
  await eventually(async () => kernel.mesh.lane(id)?.current)
  assert.deepEqual(await call(), { version: '1.0.0', number: 0 })
  assert.deepEqual(kernel.calls.filter((made) => made.id === id).map(({ method }) => method), [
    'Browse',
  ])
  assert.equal(mine().length, 1)
  await enable(false)
  await reaches('disabled')
  await eventually(async () => mine().length === 0)
  await assert.rejects(call(), refused('WE-PLG-002'))
})

test('what plugins count is told together, and one that cannot tell is left out', async () => {
  const [dumb, liar] = [`${id}-dumb`, `${id}-liar`]
  const metrics = () => Promise.reject(new WebEncodeError('WE-PLG-005', 'It does not answer'))
  kernel.host.behaviours.set(`${dumb}@1.0.0`, { metrics })
  const lie = 'webencode_kernel_jobs_total 9\ngarbage\n'
  kernel.host.behaviours.set(`${liar}@1.0.0`, { metrics: () => Promise.resolve(lie) })
  for (const other of [dumb, liar]) {
    kernel.host.found.push({ folder: `/plugins/${other}`, manifest: manifestOf(other) })
    await writePluginEnabled(world.db, { ...who(), id: other, isEnabled: true })
  }
  await enable()
  await reaches('healthy')
  for (const one of [id, dumb, liar]) {
    await eventually(async () => kernel.mesh.lane(one)?.current?.state === 'up')
  }
  const name = `webencode_plugin_${id.replaceAll('-', '_')}_calls_total`
  const told = await kernel.supervisor.metrics()
  assert.match(told, new RegExp(`^${name} \\d+$`, 'm'))
  assert.doesNotMatch(told, /jobs_total|garbage|dumb|liar/)
  const lines = kernel.supervisor.logs.read(dumb, 50).map(({ message }) => message)
  assert.ok(lines.includes('Its metrics are left out: It does not answer'), lines.join('\n'))
})

test('a crash is followed by a restart', async () => {
  await enable()
  await reaches('healthy')
  const [first] = mine()
  first!.crash()
  const again = await eventually(async () => {
    const instance = await kernel.instance(id)
    return instance?.run === 2 && instance.state === 'healthy' && instance
  })
  assert.equal(again.restarts, 1)
  await eventually(async () => kernel.mesh.lane(id)?.current?.number === 2)
  assert.deepEqual(await call(), { version: '1.0.0', number: 0 })
  const lines = kernel.supervisor.logs.read(id, 50).map(({ message }) => message)
  assert.ok(lines.includes('Its process ended with the code 1'), lines.join('\n'))
})

test('a plugin that crashes at every start is disabled after five restarts, and may be enabled again', async () => {
  kernel.host.behaviours.set(`${id}@1.0.0`, { failsToStart: true })
  await enable()
  const { restarts, problem, disabledBy } = await reaches('disabled')
  assert.deepEqual([restarts, disabledBy], [mostRestarts, 'crashes'])
  assert.match(problem ?? '', /did not shake hands/)
  kernel.host.behaviours.delete(`${id}@1.0.0`)
  await enable()
  assert.equal((await reaches('healthy')).restarts, 0)
})

test('a plugin that answers late is degraded, and healthy again when it does not', async () => {
  const behaviour = { callMs: 1100 }
  kernel.host.behaviours.set(`${id}@1.0.0`, behaviour)
  await enable()
  await reaches('healthy')
  await eventually(async () => kernel.mesh.lane(id)?.current)
  await Promise.all(Array.from({ length: 5 }, () => call()))
  const { problem } = await reaches('degraded')
  assert.match(problem ?? '', /calls of the last minute took more than 1000 ms/)
  const serving = () => kernel.mesh.listServing('storage').find((p) => p.manifest.id === id)
  await eventually(async () => serving()?.state === 'degraded')
  behaviour.callMs = 0
  for (let i = 0; i < 200; i++) await call()
  assert.equal((await reaches('healthy')).problem, null)
})

test('a plugin that fails for two minutes is restarted', async () => {
  kernel.host.behaviours.set(`${id}@1.0.0`, { fails: () => true })
  await enable()
  await reaches('healthy')
  await eventually(async () => kernel.mesh.lane(id)?.current)
  for (let i = 0; i < 5; i++) await assert.rejects(call(), refused('WE-STO-004'))
  await reaches('degraded')
  const again = await eventually(async () => {
    const instance = await kernel.instance(id)
    return instance?.run === 2 && instance
  })
  assert.equal(again.restarts, 1)
})

test('a plugin that fails its health checks is degraded without a call', async () => {
  const behaviour = { failsPing: false }
  kernel.host.behaviours.set(`${id}@1.0.0`, behaviour)
  await enable()
  await reaches('healthy')
  behaviour.failsPing = true
  assert.match((await reaches('degraded')).problem ?? '', /failed/)
})

test('another configuration starts a new process, while the old one answers', async () => {
  await enable()
  await reaches('healthy')
  await eventually(async () => kernel.mesh.lane(id)?.current)
  await writePluginConfig(world.db, { ...who(), config: { bucket: 'b' }, priority: 0 })
  kernel.supervisor.wanted(id)
  const answers = await eventually(async () => {
    await call()
    return kernel.mesh.lane(id)?.current?.number === 2
  })
  assert.equal(answers, true)
  await eventually(async () => mine().length === 1)
  assert.deepEqual(mine()[0]?.config, { bucket: 'b' })
})

test('a configuration that breaks its schema, and a manifest that cannot be used, say why', async () => {
  await writePluginConfig(world.db, { ...who(), config: { wrong: 'b' }, priority: 0 })
  await enable()
  const broken = await reaches('disabled')
  assert.deepEqual([broken.disabledBy, mine().length], ['blocked', 0])
  assert.match(broken.problem ?? '', /wrong must be a known string/)
  await writePluginConfig(world.db, { ...who(), config: {}, priority: 0 })
  kernel.supervisor.wanted(id)
  await reaches('healthy')

  id = `newer-${count}`
  const problem = 'Its protocol 2 is newer than 1'
  kernel.host.found.push({ folder: `/plugins/${id}`, problem })
  kernel.folders.forget()
  await enable()
  assert.equal((await reaches('disabled')).problem, problem)
})

test('what blocked a plugin may be put right', async () => {
  id = `late-${count}`
  await enable()
  assert.match((await reaches('disabled')).problem ?? '', /no plugin/)
  install(kernel)
  kernel.supervisor.wanted(id)
  await reaches('healthy')
})

test('a kernel that died starts every plugin again, and counts no restart', async () => {
  const first = await openPluginKernel(world, { kernelId: 'mortal' })
  install(first)
  await enable()
  await reaches('healthy', first)
  await first.kill()
  assert.equal(first.host.alive().length, 0)
  const second = await openPluginKernel(world, { kernelId: 'mortal', host: first.host })
  const again = await eventually(async () => {
    const instance = await second.instance(id)
    return instance?.state === 'healthy' && instance.run > 1 && instance
  })
  assert.equal(again.restarts, 0)
  await second.kill()
})

/** Calls 200 times a second until `isOver`, and answers what became of them. */
async function callUntil(isOver: () => Promise<unknown>, method = 'Browse') {
  const made: Promise<string>[] = []
  const begun = performance.now()
  const callOnce = () =>
    made.push(
      call(method).then(
        (answer) => (answer as { version: string }).version,
        (failure: Error) => `failed: ${failure.message}`,
      ),
    )
  const timer = setInterval(() => {
    // A machine that stalled catches up.
    while (made.length < (performance.now() - begun) / 5) callOnce()
  }, 5)
  try {
    await eventually(isOver as () => Promise<boolean>)
  } finally {
    clearInterval(timer)
  }
  return await Promise.all(made)
}
const servesVersion = (version: string) => async () =>
  kernel.mesh.lane(id)?.current?.plugin.manifest.version === version
/** The upgrade failed, and what `PLUGIN_DIR` has is wanted again. */
const isReturned = async () =>
  (await kernel.config(id))?.version === null &&
  (await kernel.instance(id))?.upgrade.end !== null
const wantVersion = async (version: string) => {
  await writePluginVersion(world.db, { ...who(), version })
  kernel.supervisor.wanted(id)
}

test('an upgrade under 200 calls a second loses none, and the old process goes after the watch', async () => {
  upload(kernel, '1.1.0')
  for (const version of ['1.0.0', '1.1.0']) {
    kernel.host.behaviours.set(`${id}@${version}`, { callMs: 30 })
  }
  await enable()
  await reaches('healthy')
  await eventually(servesVersion('1.0.0'))
  const before = callUntil(servesVersion('1.1.0'))
  await wantVersion('1.1.0')
  const answers = await before
  const during = await callUntil(async () =>
    (await kernel.instance(id))?.upgrade.end?.outcome === 'kept' && mine().length === 1
  )
  assert.deepEqual([...answers, ...during].filter((text) => text.startsWith('failed')), [])
  assert.ok(during.length >= 100, `${during.length} calls`)
  const cut = kernel.host.processes.filter((process) => process.id === id).map((p) => p.cut)
  assert.deepEqual(cut, [0, 0])
  assert.equal((await kernel.config(id))?.version, '1.1.0')
})

test('a version that fails under 200 calls a second is rolled back, and its calls that may be repeated succeed', async () => {
  upload(kernel, '1.1.0')
  kernel.host.behaviours.set(`${id}@1.0.0`, { callMs: 10 })
  kernel.host.behaviours.set(`${id}@1.1.0`, { callMs: 10, fails: (number) => number % 2 === 0 })
  await enable()
  await reaches('healthy')
  await eventually(servesVersion('1.0.0'))
  const calls = callUntil(async () => await isReturned() && mine().length === 1)
  await wantVersion('1.1.0')
  const answers = await calls
  assert.deepEqual(answers.filter((text) => text.startsWith('failed')), [])
  assert.ok(answers.includes('1.1.0'), 'the new version never served')
  const { upgrade, version } = (await kernel.instance(id))!
  assert.deepEqual([upgrade.end?.outcome, version], ['rolled-back', '1.0.0'])
  assert.match(upgrade.end?.problem ?? '', /calls of the last minute failed/)
})

test('a call that must not be repeated fails with the bad version, and only there', async () => {
  upload(kernel, '1.1.0')
  kernel.host.behaviours.set(`${id}@1.1.0`, { fails: () => true })
  await enable()
  await reaches('healthy')
  await eventually(servesVersion('1.0.0'))
  const calls = callUntil(isReturned, 'PublishVOD')
  await wantVersion('1.1.0')
  const failed = (await calls).filter((text) => text.startsWith('failed'))
  assert.ok(failed.length >= 3)
  assert.deepEqual([...new Set(failed)], ['failed: 1.1.0 failed on purpose'])
})

test('a version that crashes while it is watched is rolled back without a failed call', async () => {
  upload(kernel, '1.1.0')
  await enable()
  await reaches('healthy')
  await eventually(servesVersion('1.0.0'))
  await wantVersion('1.1.0')
  await eventually(servesVersion('1.1.0'))
  const calls = callUntil(isReturned)
  mine().find(({ version }) => version === '1.1.0')!.crash()
  assert.deepEqual((await calls).filter((text) => text.startsWith('failed')), [])
  assert.equal((await kernel.instance(id))?.restarts, 0)
})

test('a version that fails its self-test, or is not there, never serves', async () => {
  upload(kernel, '1.1.0')
  kernel.host.behaviours.set(`${id}@1.1.0`, { failsCheck: true })
  await enable()
  await reaches('healthy')
  for (const version of ['1.1.0', '1.2.0']) {
    await wantVersion(version)
    const refusal = await eventually(async () => {
      const { upgrade, revision } = (await kernel.instance(id))!
      const config = await kernel.config(id)
      const isSettled = config?.version === null && config.revision === revision
      return isSettled && upgrade.end?.version === version && upgrade.end
    })
    assert.equal(refusal.outcome, 'refused')
    assert.match(
      refusal.problem ?? '',
      version === '1.1.0' ? /fails its test/ : /not in PLUGIN_DIR/,
    )
  }
  assert.deepEqual(mine().map(({ version }) => version), ['1.0.0'])
})

test('a version that one kernel cannot run goes from every kernel', async () => {
  const other = await openPluginKernel(world, { kernelId: 'other' })
  try {
    install(other)
    upload(kernel, '1.1.0')
    await enable()
    await reaches('healthy')
    await reaches('healthy', other)
    await wantVersion('1.1.0')
    await eventually(async () => {
      const [ours, theirs] = [await kernel.instance(id), await other.instance(id)]
      const { revision, version } = (await kernel.config(id))!
      const isSettled = ours?.revision === revision && theirs?.revision === revision &&
        version === null
      const isBack = ours?.version === '1.0.0' && theirs?.version === '1.0.0'
      return isSettled && isBack && theirs?.upgrade.end?.outcome === 'refused'
    })
    await eventually(async () => mine().every(({ version }) => version === '1.0.0'))
  } finally {
    await other.kill()
  }
})
