/** http sources that a plugin takes in place of the kernel: real jobs, by a rule of the admin and by what the plugin says of itself. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createReadStream, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { pluginsDirectory } from '../box/paths.ts'
import { enable, reaches, send } from './plugin-steps.ts'
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

const skip = await skipWithoutFfmpeg()
const id = 'storage-mirror'

const manifest = `
[plugin]
id = "${id}"
type = "storage"
version = "1.0.0"
protocol_version = "1"
supported_kernel_versions = [">=0.1.0"]
main = "main.ts"

[config_schema]
type = "object"
additionalProperties = false
required = ["origin"]

[config_schema.properties.origin]
type = "string"

[permissions]
net = ["\${origin}"]
`

/** Has what its mirror has, under the path of the source's address. */
const program = `
import { definePlugin } from 'webencode/plugin'
import { WebEncodeError } from 'webencode/errors'

await definePlugin({
  pillar: 'storage',
  implement: ({ config }) => ({
    async getObjectMetadata({ path }) {
      const answer = await fetch(config.origin + '/' + path, { method: 'HEAD' })
      if (!answer.ok) throw new WebEncodeError('WE-STO-001', 'The mirror answers ' + answer.status)
      const size = Number(answer.headers.get('content-length'))
      return { key: path, size, etag: '', lastModified: 0, contentType: 'video/mp4' }
    },
    getUrl: ({ objectKey }) =>
      Promise.resolve({ url: config.origin + '/' + objectKey, headers: {}, expiresAt: 0 }),
  }),
})
`

let mirror: Server
let product: Product
const asked: string[] = []

/** Has one film, behind a query that only the plugin's mirror understands; answers ranges. */
function serve(): Server {
  const file = join(mediaDirectory, 'sample.mp4')
  const { size } = statSync(file)
  return createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url !== '/films/sample.mp4?key=1') return void response.writeHead(404).end()
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
    const start = Number(from ?? 0)
    const end = to ? Math.min(Number(to), size - 1) : size - 1
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': end - start + 1,
      'accept-ranges': 'bytes',
      ...from !== undefined && { 'content-range': `bytes ${start}-${end}/${size}` },
    })
    if (request.method === 'HEAD') return void response.end()
    createReadStream(file, { start, end }).pipe(response)
  })
}

before(async () => {
  mirror = serve().listen(0, '127.0.0.1')
  await once(mirror, 'listening')
  const plugins = createDataDirectory()
  mkdirSync(join(plugins, id))
  writeFileSync(join(plugins, id, 'plugin.toml'), manifest)
  writeFileSync(join(plugins, id, 'main.ts'), program)
  // An address that is public for the check, and where nothing answers.
  product = await startProduct({
    env: { PLUGIN_DIR: plugins, WEBENCODE_SOURCE_HOSTS: '127.9.9.9' },
  })
})
after(async () => {
  await stopProducts()
  mirror.close()
})

/** Why a source is refused. */
async function refusal(source_url: string, by = product): Promise<unknown[]> {
  const answer = await by.fetch('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source_url, profile: '480p_fast' }),
  })
  const { error } = await answer.json() as { error: { code: string } }
  return [answer.status, error?.code]
}

test('a rule leads http sources to a plugin, and without it the kernel fetches them', {
  skip,
  timeout: 240_000,
}, async () => {
  const { port } = mirror.address() as AddressInfo
  const source = 'http://127.9.9.9:9/films/sample.mp4?key=1'
  await enable(product, id, { origin: `http://127.0.0.1:${port}` })
  assert.deepEqual(await refusal(source), [400, 'WE-JOB-002'], 'nothing answers there')

  const rules = [{ matches: 'http://127.', plugin_id: id }]
  await send(product, 'PUT', '/v1/plugins/routes/storage', { rules })
  const { id: job } = await submit(product, { source_url: source, profile: '480p_fast' })
  const { status, error } = await waitForEnd(product, job, 180_000)
  assert.equal(status, 'completed', JSON.stringify(error))
  assert.ok(asked.length > 1)

  const lost = source.replace('sample', 'other')
  assert.deepEqual(await refusal(lost), [400, 'WE-JOB-002'], 'the mirror has it not')
  const inside = source.replace('127.9.9.9', '127.0.0.1')
  assert.deepEqual(await refusal(inside), [400, 'WE-JOB-002'], 'a private address')
  assert.equal(asked.filter((path) => path.includes('other')).length, 1)

  await send(product, 'POST', `/v1/plugins/${id}/disable`)
  await reaches(product, id, ({ state }) => state === 'disabled')
  assert.deepEqual(await refusal(source), [409, 'WE-PLG-002'], 'not gone around')
})

const isLookUp = ({ method, calls }: PluginView['methods'][number]) =>
  method === 'GetObjectMetadata' && calls > 0

test('storage-http reads http sources as soon as it is enabled, with the checks of every address', {
  skip,
  timeout: 240_000,
}, async () => {
  const { port } = mirror.address() as AddressInfo
  const box = await startProduct({
    env: { PLUGIN_DIR: pluginsDirectory, WEBENCODE_SOURCE_HOSTS: '127.0.0.1' },
  })
  await enable(box, 'storage-http', { allowed_hosts: ['127.0.0.1'] })
  const source = `http://127.0.0.1:${port}/films/sample.mp4?key=1`
  const { id: job } = await submit(box, { source_url: source, profile: '480p_fast' })
  const { status, error } = await waitForEnd(box, job, 180_000)
  assert.equal(status, 'completed', JSON.stringify(error))
  await reaches(box, 'storage-http', ({ methods }) => methods.some(isLookUp))

  const lost = await refusal(source.replace('sample', 'other'), box)
  assert.deepEqual(lost, [400, 'WE-JOB-002'], 'the server has it not')
  await send(box, 'PUT', '/v1/plugins/storage-http/config', { config: {} })
  await reaches(box, 'storage-http', ({ state }) => state === 'healthy')
  assert.deepEqual(await refusal(source, box), [403, 'WE-STO-002'], 'the plugin may not read it')
})
