/** Plugins on two kernels that share one database: enabled, upgraded and disabled at either, they serve at both. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { packPlugin } from './plugin-program.ts'
import { writeWildStorage } from './wild-storage.fixture.ts'

const skip = skipWithoutNats || (await findPostgres() === undefined ? 'needs PostgreSQL' : false)
const id = 'storage-wild'
const path = `/v1/plugins/${id}`

describe('plugins of two kernels', { skip, timeout: 240_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-plugins-cluster-'))
  const [plugins, drafts] = [join(directory, 'plugins'), join(directory, 'drafts')]
  let started: Cluster | undefined
  before(async () => {
    for (const folder of [plugins, drafts]) mkdirSync(folder)
    writeWildStorage(plugins, id)
    started = await Cluster.start({
      directory,
      kernels: 2,
      workers: 0,
      adminToken: 'we_plugins_admin_token_0123456789',
      joinToken: 'we_plugins_join_token_0123456789',
      env: { LOG_LEVEL: 'warn', PLUGIN_DIR: plugins },
    })
  })
  after(async () => {
    await started?.stop()
    await started?.postgres.remove()
    rmSync(directory, { recursive: true, force: true })
  })

  const cluster = () => {
    assert.ok(started)
    return started
  }

  /** Asks kernel 0 or 1. */
  async function ask<T>(kernel: number, path: string, init: RequestInit = {}): Promise<T> {
    const answer = await cluster().fetch(path, init, cluster().kernels[kernel])
    const text = await answer.text()
    assert.ok(answer.ok, `${path} of kernel ${kernel}: ${answer.status} ${text}`)
    return JSON.parse(text) as T
  }
  const command = (kernel: number, verb: string) =>
    ask<PluginView>(kernel, `${path}/${verb}`, { method: 'POST' })

  /** Waits until both kernels say so, each of itself and of the other. */
  async function bothReach(isRight: (plugin: PluginView['kernels'][number]) => boolean) {
    const giveUpAt = Date.now() + 60_000
    for (;;) {
      const views = await Promise.all([0, 1].map((kernel) => ask<PluginView>(kernel, path)))
      const isReached = views.every(({ kernels }) => kernels.length === 2 && kernels.every(isRight))
      if (isReached) return views
      assert.ok(Date.now() < giveUpAt, `still ${JSON.stringify(views.map((view) => view.kernels))}`)
      await systemClock.sleep(100)
    }
  }

  async function isListed(kernel: number): Promise<boolean> {
    const storages = await ask<{ plugin_id: string }[]>(kernel, '/v1/files/capabilities')
    return storages.some(({ plugin_id }) => plugin_id === id)
  }

  /** Waits until a kernel that began anew has its process again: its row may still say so from before. */
  async function serves(kernel: number): Promise<void> {
    const giveUpAt = Date.now() + 60_000
    while (!await isListed(kernel)) {
      assert.ok(Date.now() < giveUpAt, `kernel ${kernel} does not serve it again`)
      await systemClock.sleep(100)
    }
  }

  /** Stores a file through a kernel, in the plugin. */
  async function store(kernel: number, name: string): Promise<void> {
    const form = new FormData()
    form.set('plugin_id', id)
    form.set('object_key', `uploads/${name}/film.mp4`)
    form.set('file', new File([`KEEP ${name}`], 'film.mp4'))
    await ask(kernel, '/v1/files/upload', { method: 'POST', body: form })
    const file = join(directory, 'wild/media/uploads', name, 'film.mp4')
    assert.equal(readFileSync(file, 'utf8'), `KEEP ${name}`)
  }

  test('one that is enabled at the first serves at both', async () => {
    await ask(0, `${path}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ config: { root: join(directory, 'wild') } }),
    })
    await command(0, 'enable')
    await bothReach(({ state }) => state === 'healthy')
    for (const kernel of [0, 1]) {
      await store(kernel, `first-${kernel}`)
      assert.equal(await isListed(kernel), true)
    }
  })

  test('a version that the second takes serves at both', async () => {
    const archive = readFileSync(packPlugin(writeWildStorage(drafts, id, '1.1.0')))
    await ask(1, `${path}/upgrade`, { method: 'POST', body: archive })
    await bothReach(({ state, version, upgrade }) =>
      state === 'healthy' && version === '1.1.0' && upgrade.phase === 'watching'
    )
    for (const kernel of [0, 1]) await store(kernel, `second-${kernel}`)
  })

  test('one that is killed at one of them goes on serving at the other', async () => {
    await cluster().kernels[0]?.kill()
    await store(1, 'alone')
    await cluster().kernels[0]?.start()
    await serves(0)
    await bothReach(({ state, version }) => state === 'healthy' && version === '1.1.0')
    for (const kernel of [0, 1]) await store(kernel, `third-${kernel}`)
  })

  test('one that the second disables is off at both', async () => {
    await command(1, 'disable')
    await bothReach(({ state }) => state === 'disabled')
    for (const kernel of [0, 1]) {
      assert.equal(await isListed(kernel), false)
      const body = new FormData()
      body.set('plugin_id', id)
      body.set('file', new File(['KEEP'], 'film.mp4'))
      const init = { method: 'POST', body }
      const answer = await cluster().fetch('/v1/files/upload', init, cluster().kernels[kernel])
      const { error } = await answer.json() as { error: { code: string } }
      assert.deepEqual([answer.status, error.code], [409, 'WE-PLG-002'])
    }
  })
})
