/** Storages as plugins of the running product: several at once, addresses that rules lead to them, and what goes wrong with one. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { pluginsDirectory } from '../box/paths.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
  submit,
  waitForEnd,
} from './product.ts'
import { enable, reaches, send } from './plugin-steps.ts'
import { type Wildness, writeWildStorage } from './wild-storage.fixture.ts'

after(stopProducts)

/** Uploads by a form, as a client does that chooses the storage and the key. */
async function put(product: Product, pluginId: string, key: string, bytes: Uint8Array) {
  const form = new FormData()
  form.set('plugin_id', pluginId)
  form.set('object_key', key)
  form.set('file', new Blob([bytes as BlobPart]), 'film.mp4')
  const answer = await product.fetch('/v1/files/upload', { method: 'POST', body: form })
  const body = await answer.json() as { sha256?: string; error?: { code: string } }
  return { status: answer.status, code: body.error?.code, sha256: body.sha256 }
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** Larger than any buffer on the way. */
const bytesThat = (how: Wildness | 'KEEP', size = 3_000_000) =>
  Buffer.concat([Buffer.from(how), Buffer.alloc(size, how)])

test('a storage that is full, deaf, leaks or dies harms nobody, and keeps nothing half-written', async () => {
  const [plugins, root] = [createDataDirectory(), createDataDirectory()]
  const id = 'storage-wild'
  writeWildStorage(plugins, id)
  const product = await startProduct({ env: { PLUGIN_DIR: plugins } })
  await enable(product, id, { root })
  const cases: [Wildness, number, string][] = [
    ['FULL', 507, 'WE-STO-003'],
    ['GONE', 500, 'WE-PLG-004'],
    ['LEAK', 500, 'WE-PLG-004'],
  ]
  for (const [how, status, code] of cases) {
    const key = `uploads/${how}/film.mp4`
    const answer = await put(product, id, key, bytesThat(how))
    assert.deepEqual([answer.status, answer.code], [status, code], how)
    assert.equal((await fetch(new URL('/health', product.url))).status, 200)
    assert.equal((await put(product, 'storage-fs', key, bytesThat('KEEP'))).status, 201)
    // The key is free: nothing of the upload is shown. A process that died is there again.
    await reaches(product, id, ({ state }) => state === 'healthy' || state === 'degraded')
    const kept = bytesThat('KEEP')
    const again = await put(product, id, key, kept)
    assert.deepEqual([again.status, again.sha256], [201, sha256Of(kept)], how)
  }
  const deaf = await put(product, id, 'uploads/DEAF/film.mp4', bytesThat('KEEP'))
  assert.deepEqual([deaf.status, deaf.code], [503, 'WE-PLG-005'])
  assert.equal((await put(product, id, 'uploads/fine/film.mp4', bytesThat('KEEP'))).status, 201)
  assert.equal(product.process.exitCode, null)
})

test('of two uploads to one key at once one is stored, and the others are refused', async () => {
  const product = await startProduct()
  const key = 'uploads/twice/film.mp4'
  const files = [bytesThat('KEEP', 5_000_000), bytesThat('FULL', 4_000_000)]
  const answers = await Promise.all(files.map((bytes) => put(product, 'storage-fs', key, bytes)))
  const stored = readFileSync(join(product.dataDirectory, 'objects/media', key))
  const won = answers.filter(({ status }) => status === 201).map(({ sha256 }) => sha256)
  assert.deepEqual(won, [sha256Of(stored)])
  const third = await put(product, 'storage-fs', key, bytesThat('KEEP'))
  for (const { status, code } of [...answers.filter(({ status }) => status !== 201), third]) {
    assert.deepEqual([status, code], [409, 'WE-STO-007'])
  }
  assert.deepEqual(readFileSync(join(product.dataDirectory, 'objects/media', key)), stored)
})

const skip = skipWithoutS3 || await skipWithoutFfmpeg()
describe('a bucket beside the disk', { skip, timeout: 300_000 }, () => {
  test('takes uploads, is a source by its own address, and may be out for a while', async () => {
    const server = await TestS3.start()
    try {
      const product = await startProduct({ env: { PLUGIN_DIR: pluginsDirectory } })
      const { bucket, endpoint, region, accessKeyId, secretAccessKey } = server.options
      await send(product, 'PUT', '/v1/secrets/s3%2Fid', { value: accessKeyId })
      await send(product, 'PUT', '/v1/secrets/s3%2Fkey', { value: secretAccessKey })
      await enable(product, 'storage-s3', {
        bucket,
        endpoint,
        region,
        use_ssl: false,
        access_key_id_ref: 's3/id',
        secret_access_key_ref: 's3/key',
      })
      const capabilities = await (await send(product, 'GET', '/v1/files/capabilities')).json()
      assert.deepEqual(
        (capabilities as { plugin_id: string }[]).map(({ plugin_id }) => plugin_id),
        ['storage-fs', 'storage-s3'],
      )
      const movie = readFileSync(join(mediaDirectory, 'sample.mp4'))
      const key = 'uploads/one/film.mp4'
      assert.equal((await put(product, 'storage-s3', key, movie)).status, 201)

      // By what the manifest says, and by a rule of the admin.
      const rules = [{ matches: 'archive://', plugin_id: 'storage-s3' }]
      await send(product, 'PUT', '/v1/plugins/routes/storage', { rules })
      for (const scheme of ['s3', 'archive']) {
        const source = { source_url: `${scheme}://${bucket}/${key}`, profile: '480p_fast' }
        const { id } = await submit(product, source)
        const job = await waitForEnd(product, id, 180_000)
        assert.equal(job.status, 'completed', JSON.stringify(job.error))
      }
      const lost = await product.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source_url: `tape://${bucket}/${key}`, profile: '480p_fast' }),
      })
      const { error } = await lost.json() as { error: { code: string; path: string } }
      assert.deepEqual([lost.status, error.code, error.path], [400, 'WE-JOB-002', 'source_url'])

      await server.kill()
      const out = await put(product, 'storage-s3', 'uploads/two/film.mp4', movie)
      assert.deepEqual([out.status, out.code], [500, 'WE-STO-004'])
      assert.equal((await put(product, 'storage-fs', 'uploads/two/film.mp4', movie)).status, 201)
      await server.restart()
      const back = await put(product, 'storage-s3', 'uploads/two/film.mp4', movie)
      assert.deepEqual([back.status, back.sha256], [201, sha256Of(movie)])
    } finally {
      await server.stop()
    }
  })
})
