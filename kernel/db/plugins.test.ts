/** What admins want of plugins, how their instances are, and where calls go. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, requestOf, storedActor, storedPlugin } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import type { PluginRow } from './actor-store.ts'
import { type Database, json, sql } from './database.ts'
import { readEncoderRouting } from './encoder-routing.ts'
import {
  listPluginConfigs,
  readPluginConfig,
  returnPluginVersion,
  writePluginConfig,
  writePluginEnabled,
  writePluginVersion,
} from './plugin-configs.ts'
import {
  deleteForsakenPlugins,
  listPluginInstances,
  touchPluginInstances,
} from './plugin-instances.ts'
import { readPluginRoutes, writePluginRoutes } from './plugin-routes.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const who = { id: 'storage-s3', pillar: 'storage', by: 'Ann' } as const
const figures = { calls: 10, errors: 1, p50Ms: 1, p95Ms: 2, p99Ms: 3 }
const stats = { ...figures, methods: [{ method: 'Browse', ...figures }] }

async function write(db: Database, ...plugins: PluginRow[]): Promise<void> {
  await createActorStore(db).transaction((tx) => tx.write(changesOf({ plugins })))
}

describeOnDatabases('plugins', (open) => {
  beforeEach(() => emptyTables(open()))

  test('a plugin is enabled, configured and upgraded, each with a revision of its own', async () => {
    const db = open()
    const revisions = async () => {
      const found = await readPluginConfig(db, who.id)
      return [found?.revision, found?.configRevision, found?.isEnabled, found?.version]
    }
    await writePluginConfig(db, { ...who, config: { bucket: 'a' }, priority: 5 })
    assert.deepEqual(await revisions(), [1, 1, false, null])
    await writePluginEnabled(db, { ...who, isEnabled: true })
    assert.deepEqual(await revisions(), [2, 1, true, null])
    await writePluginConfig(db, { ...who, config: { bucket: 'a' }, priority: 6 })
    assert.deepEqual(await revisions(), [2, 1, true, null])
    await writePluginConfig(db, { ...who, config: { bucket: 'b' }, priority: 6 })
    assert.deepEqual(await revisions(), [3, 2, true, null])
    await writePluginVersion(db, { ...who, version: '1.1.0' })
    assert.deepEqual(await revisions(), [4, 2, true, '1.1.0'])
    const back = { id: who.id, failed: '1.1.0', version: '1.0.0' }
    assert.equal(await returnPluginVersion(db, back), true)
    assert.equal(await returnPluginVersion(db, back), false)
    assert.deepEqual(await revisions(), [5, 2, true, '1.0.0'])
    assert.deepEqual((await listPluginConfigs(db)).map(({ id, priority }) => [id, priority]), [
      ['storage-s3', 6],
    ])
  })

  test('instances keep their start over other changes, and what was measured of a run', async () => {
    const db = open()
    const read = async () => (await listPluginInstances(db, { kernelId: 'k1' }))[0]
    await write(db, storedPlugin('storage-s3'), storedPlugin('storage-s3', { kernelId: 'k2' }))
    assert.equal((await read())?.startedAt, null)
    await write(db, storedPlugin('storage-s3', { state: 'healthy' }))
    const first = await read()
    assert.ok(first?.startedAt)
    await touchPluginInstances(db, 'k1', [{ pluginId: 'storage-s3', stats }])
    await write(db, storedPlugin('storage-s3', { state: 'degraded' }))
    const second = await read()
    assert.deepEqual([second?.startedAt, second?.stats], [first.startedAt, stats])
    assert.deepEqual(second?.processes, storedPlugin('storage-s3').processes)
    await write(db, storedPlugin('storage-s3', { state: 'healthy', run: 2 }))
    const third = await read()
    assert.equal(third?.stats, null)
    assert.ok(third.startedAt && third.startedAt >= first.startedAt)
    assert.equal((await listPluginInstances(db, { pluginId: 'storage-s3' })).length, 2)
  })

  test('what a kernel of an older version measured has no methods', async () => {
    const db = open()
    await write(db, storedPlugin('storage-s3', { state: 'healthy' }))
    await db.query(sql`UPDATE plugin_instances SET stats = ${json(figures)}`)
    assert.deepEqual((await listPluginInstances(db))[0]?.stats, { ...figures, methods: [] })
  })

  test('deleteForsakenPlugins() deletes what a gone kernel left, and nothing else', async () => {
    const db = open()
    const store = createActorStore(db)
    const [gone, here] = [storedPlugin('p', { kernelId: 'gone' }), storedPlugin('p')]
    await store.transaction((tx) =>
      tx.write(changesOf({
        creates: [gone, here].map(({ actorId }) => storedActor(actorId, { type: 'plugin' })),
        timersSet: [{ actorId: gone.actorId, key: 'k', uid: 'u', delayMs: 1, event: {} }],
        plugins: [gone, here],
      }))
    )
    assert.equal(await deleteForsakenPlugins(db), 0)
    await db.query(sql`
        UPDATE plugin_instances SET seen_at = now() - interval '2 days' WHERE kernel_id = 'gone'`)
    assert.equal(await deleteForsakenPlugins(db), 1)
    assert.deepEqual((await listPluginInstances(db)).map(({ kernelId }) => kernelId), ['k1'])
    const left = await store.transaction((tx) =>
      tx.open(requestOf({ actorIds: [gone.actorId, here.actorId] }))
    )
    assert.deepEqual([...left.actors.keys()], [here.actorId])
    assert.deepEqual(await store.listDueTimers(10), [])
  })

  test('writePluginRoutes() replaces the rules of one pillar and keeps their order', async () => {
    const db = open()
    const rule = { matches: 's3://', gpu: false, plugin_id: 'storage-s3', priority: 1 }
    const encoder = { matches: 'h264', gpu: true, plugin_id: 'nvenc', priority: 0 }
    await db.transaction(async (tx) => {
      await writePluginRoutes(tx, 'storage', [rule, { ...rule, matches: '*' }])
      await writePluginRoutes(tx, 'encoder', [encoder])
    })
    await db.transaction((tx) => writePluginRoutes(tx, 'storage', [{ ...rule, matches: 'b' }]))
    const routes = await readPluginRoutes(db)
    assert.deepEqual([routes.storage.map(({ matches }) => matches), routes.encoder], [
      ['b'],
      [encoder],
    ])
    assert.deepEqual(routes.live, [])
  })

  test('readEncoderRouting() reads rules and wants of encoders alone, and nothing of nothing', async () => {
    const db = open()
    assert.deepEqual(await readEncoderRouting(db), { rules: [], plugins: [] })
    const rule = { matches: 'h264', gpu: true, plugin_id: 'nvenc', priority: 1 }
    const rules = [rule, { ...rule, matches: '*', gpu: false, priority: -5 }]
    const nvenc = { id: 'nvenc', pillar: 'encoder', by: 'Ann' } as const
    const config = { device: 1, token_ref: 'gpu/token' }
    await db.transaction(async (tx) => {
      await writePluginRoutes(tx, 'encoder', rules)
      await writePluginRoutes(tx, 'storage', [rule])
    })
    await writePluginConfig(db, { ...nvenc, config, priority: 3 })
    await writePluginVersion(db, { ...nvenc, version: '2.0.0' })
    await writePluginEnabled(db, { ...nvenc, id: 'av1', isEnabled: true })
    await writePluginEnabled(db, { ...who, isEnabled: true })
    assert.deepEqual(await readEncoderRouting(db), {
      rules,
      plugins: [
        { id: 'av1', isEnabled: true, priority: 0, version: null, config: {} },
        { id: 'nvenc', isEnabled: false, priority: 3, version: '2.0.0', config },
      ],
    })
  })

  test('readEncoderRouting() names the old version until a kernel serves the wanted one', async () => {
    const db = open()
    const nvenc = { id: 'nvenc', pillar: 'encoder', by: 'Ann' } as const
    const version = async () => (await readEncoderRouting(db)).plugins[0]?.version
    await writePluginEnabled(db, { ...nvenc, isEnabled: true })
    await write(db, storedPlugin('nvenc'), storedPlugin('nvenc', { kernelId: 'k2' }))
    assert.equal(await version(), null)
    await writePluginVersion(db, { ...nvenc, version: '1.1.0' })
    assert.equal(await version(), '1.0.0')
    await write(db, storedPlugin('nvenc', { version: '1.1.0' }))
    assert.equal(await version(), '1.1.0')
  })
})
