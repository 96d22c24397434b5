/** Bad input on the real product: each gets a clear error and loses nothing. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { skipWithoutFfmpeg } from './probe-file.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
  submit,
  upload,
  waitForEnd,
} from './product.ts'

interface Problem {
  readonly error: { code: string; message: string; path?: string; request_id: string }
}

const skip = await skipWithoutFfmpeg()
const root = createDataDirectory()
let product: Product
let redirector: Server

before(async () => {
  mkdirSync(join(root, 'inside/folder'), { recursive: true })
  writeFileSync(join(root, 'secret.mp4'), 'outside the root')
  symlinkSync(join(root, 'secret.mp4'), join(root, 'inside', 'link.mp4'))
  redirector = createServer((_, response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  )
  await new Promise<void>((listening) => redirector.listen(0, '127.0.0.1', listening))
  product = await startProduct({
    env: {
      WEBENCODE_MEDIA_ROOTS: join(root, 'inside'),
      WEBENCODE_SOURCE_HOSTS: 'localhost',
      WEBENCODE_MAX_UPLOAD_BYTES: '5000000',
      WEBENCODE_MAX_BODY_BYTES: '10000',
    },
  })
})

after(async () => {
  redirector.close()
  await stopProducts()
})

test('no token, a wrong token, a viewer creating a job', async () => {
  await refuses(fetch(`${product.url}/v1/jobs`), 401, 'WE-AUTH-001')
  await refuses(
    fetch(`${product.url}/v1/jobs`, { headers: { authorization: 'Bearer wrong' } }),
    401,
    'WE-AUTH-001',
  )
  const { stdout } = await execa(process.execPath, [
    resolve('dist/deploy/cli.js'),
    'user',
    'add',
    'vera',
    '--role',
    'viewer',
    '--json',
  ], {
    env: { WEBENCODE_DATA_DIR: product.dataDirectory },
  })
  const { token } = JSON.parse(stdout) as { token: string }
  const asViewer = (path: string, init: RequestInit = {}) =>
    fetch(product.url + path, {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
  assert.equal((await asViewer('/v1/jobs')).status, 200)
  const body = JSON.stringify({ source_url: 'https://example.com/a.mp4', profile: '480p_fast' })
  await refuses(asViewer('/v1/jobs', { method: 'POST', body }), 403, 'WE-AUTH-003')
})

test('malformed JSON, unknown fields, unknown profile, wrong override: the path of the wrong field', async () => {
  await refuses(post('{"source_url": '), 400, 'WE-JOB-001')
  const source_url = 'https://example.com/a.mp4'
  const unknown = await refuses(
    post({ source_url, profile: '480p_fast', colour: 'blue' }),
    400,
    'WE-JOB-001',
  )
  assert.equal(unknown.path, 'colour')
  const profile = await refuses(post({ source_url, profile: 'no_such' }), 400, 'WE-JOB-003')
  assert.equal(profile.path, 'profile')
  const override = await refuses(
    post({ source_url, profile: '480p_fast', overrides: { video: { width: -1 } } }),
    400,
    'WE-JOB-001',
  )
  assert.equal(override.path, 'overrides.video.width')
})

test('URLs to private addresses, redirects to one, other schemes and playlists are refused', async () => {
  const refused = [
    'http://127.0.0.1/a.mp4',
    'http://10.0.0.1/a.mp4',
    'http://[::1]/a.mp4',
    'http://0x7f000001/a.mp4',
    'http://169.254.169.254/latest/meta-data',
    `http://localhost:${(redirector.address() as AddressInfo).port}/redirect.mp4`,
    'concat:/etc/passwd|/etc/hosts',
    'subfile:,,start,0,end,0,,:/etc/passwd',
    'data:text/plain,hello',
    'gopher://example.com/',
    'https://example.com/list.m3u8',
  ]
  for (const source_url of refused) {
    const { path } = await refuses(post({ source_url, profile: '480p_fast' }), 400, 'WE-JOB-002')
    assert.equal(path, 'source_url')
  }
})

test('paths outside the roots, with "..", or by a symbolic link', async () => {
  for (
    const path of [
      join(root, 'secret.mp4'),
      `${root}/inside/../secret.mp4`,
      join(root, 'inside/link.mp4'),
      join(root, 'inside/folder'),
      '/etc/passwd',
    ]
  ) {
    const refused = post({ source_url: `file://${path}`, profile: '480p_fast' })
    assert.equal((await refuses(refused, 403, 'WE-STO-002')).path, 'source_url')
  }
})

test(
  'a text file, a playlist, zero bytes, a truncated MP4, one without frames: WE-JOB-007, the worker is unharmed',
  { skip },
  async () => {
    const sample = readFileSync(join(mediaDirectory, 'sample.mp4'))
    const broken: Record<string, Uint8Array> = {
      'text.mp4': Buffer.from('This is not a video.\n'.repeat(50)),
      'list.mp4': Buffer.from('#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/a.ts\n'),
      'empty.mp4': new Uint8Array(),
      'cut.mp4': sample.subarray(0, Math.floor(sample.length / 3)),
    }
    for (const [name, bytes] of Object.entries(broken)) writeFileSync(join(root, name), bytes)
    const frameless = join(root, 'frameless.mp4')
    const noFrames = ['-f', 'lavfi', '-i', 'color=s=64x64:d=1', '-frames:v', '0']
    await execa('ffmpeg', ['-nostdin', '-v', 'quiet', ...noFrames, frameless])
    for (const name of [...Object.keys(broken), 'frameless.mp4']) {
      const path = join(root, name)
      const { id } = await submit(product, {
        source_url: await upload(product, path),
        profile: '480p_fast',
      })
      const job = await waitForEnd(product, id)
      assert.equal(job.status, 'failed', name)
      assert.equal(job.error?.code, 'WE-JOB-007', name)
      assert.ok((job.error?.message.length ?? 0) > 20, name)
    }
    const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
    const { id } = await submit(product, { source_url, profile: '480p_fast' })
    assert.equal((await waitForEnd(product, id)).status, 'completed')
  },
)

test('cancel of a finished job, cancel twice, an unknown job', { skip }, async () => {
  const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
  const { id } = await submit(product, { source_url, profile: 'source_copy' })
  await waitForEnd(product, id)
  await refuses(product.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' }), 409, 'WE-JOB-006')
  const slow = await submit(product, { source_url, profile: '1080p_av1' })
  const cancel = () => product.fetch(`/v1/jobs/${slow.id}/cancel`, { method: 'POST' })
  assert.equal((await cancel()).status, 200)
  await refuses(cancel(), 409, 'WE-JOB-005')
  await refuses(product.fetch('/v1/jobs/00000000-0000-4000-8000-000000000000'), 404, 'WE-JOB-004')
})

test('bodies over the limit are refused and leave nothing behind', async () => {
  await refuses(post({ source_url: 'x'.repeat(20_000), profile: '480p_fast' }), 413, 'WE-SYS-006')
  const path = join(root, 'large.bin')
  writeFileSync(path, Buffer.alloc(6_000_000))
  const response = await product.fetch('/v1/files/upload', {
    method: 'POST',
    headers: { 'x-file-name': 'large.bin', 'content-type': 'application/octet-stream' },
    body: readFileSync(path),
  })
  assert.equal(response.status, 413)
})

test('the same Idempotency-Key answers the same job', async () => {
  const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
  const create = () =>
    product.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
      body: JSON.stringify({ source_url, profile: '480p_fast' }),
    })
  const answers = await Promise.all(Array.from({ length: 10 }, create))
  const ids = await Promise.all(
    answers.map(async (answer) => ((await answer.json()) as { id: string }).id),
  )
  assert.equal(new Set(ids).size, 1)
  const other = await product.fetch('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
    body: JSON.stringify({ source_url, profile: 'source_copy' }),
  })
  assert.equal((await refuses(Promise.resolve(other), 400, 'WE-JOB-001')).path, 'Idempotency-Key')
})

function post(body: unknown): Promise<Response> {
  return product.fetch('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function refuses(
  answer: Promise<Response>,
  status: number,
  code: string,
): Promise<Problem['error']> {
  const response = await answer
  const text = await response.text()
  assert.equal(response.status, status, text)
  const { error } = JSON.parse(text) as Problem
  assert.equal(error.code, code)
  assert.ok(error.request_id)
  return error
}
