/** Claims of workers that say which encoders they have, and the reason that people read where nobody can. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { InstalledEncoder } from '../contract/encoder-routing.ts'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import type { TaskRow } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { writePluginConfig, writePluginEnabled } from './plugin-configs.ts'
import { writePluginRoutes } from './plugin-routes.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import { readWaitReason } from './wait-reason.ts'
import { touchWorker } from './workers.ts'

const ffmpeg = (...videoCodecs: string[]): InstalledEncoder => {
  return { id: 'encoder-ffmpeg', version: '1', videoCodecs, tools: ['ffmpeg', 'ffprobe'] }
}
const second: InstalledEncoder = { id: 'second', version: '1', videoCodecs: ['av1'], tools: [] }
const by = { pillar: 'encoder', by: 'Ann' } as const
const job = { id: 'j1', status: 'processing' } as const

describeOnDatabases('claims by encoder', (db) => {
  beforeEach(() => emptyTables(db()))

  /** Ready tasks; their names begin with what they need. */
  async function offer(tasks: readonly Partial<TaskRow>[]): Promise<void> {
    const rows = tasks.map((facts, index) =>
      storedTask(`${facts.videoCodec ?? 'any'}-${index}`, { index, ...facts })
    )
    const creates = rows.map(({ id }) => storedActor(id))
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ jobs: [storedJob('j1')], creates, tasks: rows }))
    )
  }

  async function join(id: string, encoders?: readonly InstalledEncoder[]): Promise<void> {
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ workers: [storedWorker(id)] }))
    )
    await touchWorker(db(), id, 'session-1', { encoders })
  }

  /** What each worker is given, and gives back. */
  async function claim(workerIds: readonly string[], limit: number, hasEncoderRules = true) {
    const lanes = ['cpu'] as const
    const requests = workerIds.map((workerId) => ({ workerId, lanes, region: 'local', limit }))
    const picked = await createActorStore(db(), { hasEncoderRules })
      .transaction((tx) => tx.pickReady(requests))
    return picked.map((ids) => [...new Set(ids.map((id) => id.split('-')[0]))].toSorted().join())
  }

  test('a worker gets what its encoders can do; one that does not say gets anything', async () => {
    await join('w1', [ffmpeg('h264')])
    await join('w2', [ffmpeg('h264', 'av1')])
    await join('w3')
    await offer(['av1', 'h264', ''].map((videoCodec) => ({ videoCodec })))
    assert.deepEqual(await claim(['w1'], 9), [',h264'])
    assert.deepEqual(await claim(['w2'], 9), [',av1,h264'])
    assert.deepEqual(await claim(['w3'], 9), [',av1,h264'])
    assert.deepEqual(await claim(['w1', 'w2'], 1), ['', 'av1'])
  })

  test('what a worker cannot do hides nothing that it can, however much of it waits before', async () => {
    await join('w1', [ffmpeg('h264')])
    await join('w2', [ffmpeg('av1')])
    await offer([
      ...Array.from(
        { length: 1500 },
        () => ({ videoCodec: 'av1', deadline: '2030-01-01T00:00:00Z' }),
      ),
      ...Array.from({ length: 20 }, () => ({ videoCodec: 'h264' })),
    ])
    assert.deepEqual(await claim(['w1'], 4), ['h264'])
    assert.deepEqual(await claim(['w2'], 4), ['av1'])
    assert.deepEqual(await claim(['w2', 'w1'], 4), ['av1', 'h264'])
  })

  test('rules and what is wanted decide with the next claim, and people read who is missing', async () => {
    const reason = () => readWaitReason(db(), job, true)
    await join('w1', [ffmpeg('libx264')])
    await offer([{ videoCodec: 'libx264' }])
    assert.deepEqual([await claim(['w1'], 1), await reason()], [['libx264'], null])
    const rule = { matches: 'h264', plugin_id: 'second', gpu: false, priority: 0 }
    await db().transaction((tx) => writePluginRoutes(tx, 'encoder', [rule]))
    assert.deepEqual([await claim(['w1'], 1), await reason()], [['libx264'], null], 'not enabled')
    await writePluginConfig(db(), { id: 'second', ...by, config: {}, priority: 0 })
    await writePluginEnabled(db(), { id: 'second', ...by, isEnabled: true })
    assert.deepEqual(await claim(['w1'], 1), [''])
    assert.match(await reason() ?? '', /^The rules give libx264 to second, and no worker/)
    assert.deepEqual(await claim(['w1'], 1, false), ['libx264'], 'this kernel has no say')
    assert.equal(await readWaitReason(db(), job, false), null)
    await join('w2', [ffmpeg('libx264'), { ...second, videoCodecs: ['libx264'] }])
    assert.deepEqual([await claim(['w1', 'w2'], 1), await reason()], [['', 'libx264'], null])
    await writePluginEnabled(db(), { id: 'encoder-ffmpeg', ...by, isEnabled: false })
    assert.deepEqual(await claim(['w1', 'w2'], 1), ['', ''])
    assert.match(await reason() ?? '', /^encoder-ffmpeg is disabled, and no worker/)
    assert.equal(await readWaitReason(db(), { ...job, status: 'failed' }, true), null)
  })

  test('a worker that learns something new is asked for it with its next claim', async () => {
    await join('w1', [ffmpeg('h264')])
    await offer([{ videoCodec: 'av1' }])
    const store = createActorStore(db())
    const request = { workerId: 'w1', lanes: ['cpu'], region: 'local', limit: 1 } as const
    const pick = () => store.transaction((tx) => tx.pickReady([request]))
    assert.deepEqual(await pick(), [[]])
    await touchWorker(db(), 'w1', 'session-1', { encoders: [ffmpeg('h264', 'av1')] })
    assert.deepEqual(await pick(), [['av1-0']])
  })
})
