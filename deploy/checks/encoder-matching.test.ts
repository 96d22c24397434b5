/** Tasks go to the workers that have the encoder plugin which the routing names: two real workers, one of them with a second plugin. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import type { TaskView, WorkerView } from '../../kernel/contract/job.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { EncoderAdmin } from './encoder-admin.ts'
import { writeMarkingEncoder } from './marking-encoder.fixture.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory } from './product.ts'

const skip = await skipWithoutFfmpeg() || skipWithoutNats ||
  (await findPostgres() === undefined ? 'needs PostgreSQL' : false)
const id = 'encoder-second'

/** Workers that had one of these tasks, and the most attempts that one took. */
function takenBy(tasks: readonly TaskView[]) {
  return {
    workers: [...new Set(tasks.map((task) => task.assigned_worker_id))].toSorted(),
    attempts: Math.max(...tasks.map((task) => task.attempt_count)),
  }
}
const onlySecond = { workers: ['worker-2'], attempts: 1 }

describe('an encoder plugin that one worker of two has', { skip, timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-matching-'))
  const [whole, bare] = [join(directory, 'plugins'), join(directory, 'no-plugins')]
  let cluster: Cluster | undefined
  let admin: EncoderAdmin
  before(async () => {
    for (const folder of [whole, bare]) mkdirSync(folder)
    writeMarkingEncoder(whole, id, ['ffmpeg', 'ffprobe'])
    const started = await Cluster.start({
      directory,
      kernels: 1,
      workers: 2,
      adminToken: 'we_matching_admin_token_0123456789',
      joinToken: 'we_matching_join_token_0123456789',
      env: { LOG_LEVEL: 'warn', WEBENCODE_MEDIA_ROOTS: mediaDirectory },
      envOf: (name) => ({ PLUGIN_DIR: name === 'worker-1' ? bare : whole }),
    })
    cluster = started
    const fetch = (path: string, init?: RequestInit) => started.fetch(path, init)
    admin = new EncoderAdmin(id, fetch, join(directory, 'marks'))
    await admin.configure({ label: 'one' })
    await admin.switch(id, 'enable')
    await admin.route({ [id]: 1 })
  })
  after(async () => {
    await cluster?.stop()
    await cluster?.postgres.remove()
    rmSync(directory, { recursive: true, force: true })
  })

  const finished = async (job: string) => {
    const { status, error } = await admin.ended(job)
    assert.equal(status, 'completed', JSON.stringify(error))
    return await admin.tasks(job)
  }

  test('each worker says what it has', async () => {
    const encodersOf = async (worker: string) =>
      (await admin.send<WorkerView>('GET', `/v1/workers/${worker}`)).encoders
    assert.deepEqual((await encodersOf('worker-1'))?.map((one) => one.id), ['encoder-ffmpeg'])
    const found = await encodersOf('worker-2')
    assert.deepEqual(found?.map((one) => one.id), ['encoder-ffmpeg', id])
    assert.equal(found?.[1]?.version, '1.0.0')
    const page = await (await cluster!.fetch('/workers/worker-2')).text()
    assert.match(page, /encoder-second 1\.0\.0/)
  })

  test('what a rule gives to it goes to that worker alone, and nothing fails', async () => {
    const tasks = await finished(await admin.submit())
    const ruled = tasks.filter(({ kind }) => kind === 'probe' || kind === 'encode')
    assert.deepEqual(takenBy(ruled), onlySecond)
    assert.equal(takenBy(tasks).attempts, 1)
    await admin.switch('encoder-ffmpeg', 'disable')
    assert.deepEqual(takenBy(await finished(await admin.submit())), onlySecond)
  })

  test('without that worker a job waits and says why, and goes on when it comes', async () => {
    const [, second] = cluster!.workers
    await second!.stop()
    const job = await admin.submit()
    const off = await admin.until(job, (view) => view.waiting_reason !== null)
    assert.match(off.waiting_reason ?? '', /^encoder-ffmpeg is disabled, and no worker/)
    await admin.switch('encoder-ffmpeg', 'enable')
    const isNamed = (reason: string | null) => reason?.includes(`to ${id}, and no worker`) ?? false
    await admin.until(job, (view) => isNamed(view.waiting_reason))
    assert.deepEqual((await admin.tasks(job)).map((task) => task.attempt_count), [0])
    const page = await (await cluster!.fetch(`/jobs/${job}`)).text()
    assert.match(page, /The rules give libx264 to encoder-second/)
    await second!.start()
    const tasks = await finished(job)
    assert.equal(takenBy(tasks).attempts, 1)
    assert.deepEqual(takenBy(tasks.filter(({ kind }) => kind === 'encode')), onlySecond)
  })
})
