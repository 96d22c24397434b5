/** What a client gets of a kernel by HTTP, against the same curl to a plain server and to the S3 server behind it. */
import { execa } from 'execa'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { silentLog } from '../../kernel/log.ts'
import { createFsStorage } from '../../plugins/storage-fs/storage.ts'
import { createS3Storage } from '../../plugins/storage-s3/storage.ts'
import type { TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { dataPathsOf, objectsPath } from '../box/paths.ts'
import { readOrCreateKey } from '../box/secret-file.ts'
import { type Product, startProduct } from '../checks/product.ts'
import { endLater } from '../cluster/endings.ts'
import { compare, rateFigure, type Way } from './comparison.ts'
import type { Figure } from './figure.ts'

const bucket = 'media'
const key = 'uploads/bench/film.bin'
const signed = { bucket, objectKey: key, expirySeconds: 3600, audience: 'browser' } as const

/** Uploads and downloads of `file` through a kernel that keeps files, against a plain server. */
export async function measureServedFiles(
  directory: string,
  file: string,
  say: (line: string) => void,
): Promise<Figure[]> {
  const product = await startProduct()
  const plain = await startPlainServer(join(directory, 'plain.bin'))
  try {
    const { size } = statSync(file)
    const storage = await storageOf(product)
    const put = await storage.getUploadUrl({ ...signed, method: 'PUT' })
    const get = await storage.getUrl({ ...signed, method: 'GET' })
    const plainUp = { move: () => curl('-T', file, plain.url) }
    const plainDown = { move: () => curl('-o', '/dev/null', plain.url) }
    const url = (path: string) => new URL(path, product.url).href
    const posted = await compare(size, postTo(product, file, storage), plainUp)
    const up = await compare(size, { move: () => curl('-T', file, url(put.url)) }, plainUp)
    const down = await compare(
      size,
      { move: () => curl('-o', '/dev/null', url(get.url)) },
      plainDown,
    )
    say(`kernel by HTTP, files: ${posted.detail}; signed ${up.detail}; down ${down.detail}`)
    return [
      rateFigure('upload through a kernel to files / curl to a plain server', posted),
      rateFigure('upload to a signed URL of files / curl to a plain server', up),
      rateFigure('download from a signed URL of files / curl from a plain server', down),
    ]
  } finally {
    await plain.stop()
    await product.stop()
  }
}

/** Uploads of `file` through a kernel that keeps objects in this server, against curl straight to it. */
export async function measureServedBucket(
  server: TestS3,
  file: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<Figure> {
  const product = await startProduct({ env })
  const storage = createS3Storage(server.options, silentLog)
  try {
    const put = await storage.getUploadUrl({ ...signed, method: 'PUT' })
    const headers = Object.entries(put.headers).flatMap(([name, value]) => [
      '-H',
      `${name}: ${value}`,
    ])
    const straight = {
      move: () => curl(...headers, '-T', file, put.url),
      tidy: () => storage.delete({ bucket, path: key }),
    }
    const posted = await compare(statSync(file).size, postTo(product, file, storage), straight)
    say(`kernel by HTTP, S3: ${posted.detail}`)
    return rateFigure('upload through a kernel to S3 / curl to S3', posted)
  } finally {
    await storage.close()
    await product.stop()
  }
}

/** The upload of the API; what it made is deleted. */
function postTo({ url, token }: Product, file: string, storage: StorageProvider): Way {
  let path = ''
  return {
    async move() {
      const type = ['-H', 'content-type: application/octet-stream']
      const bearer = ['-H', `authorization: Bearer ${token}`]
      const address = `${url}/v1/files/upload?name=film.bin`
      const { stdout } = await curl('-X', 'POST', '-T', file, ...type, ...bearer, address)
      path = (JSON.parse(stdout) as { object_key: string }).object_key
    },
    tidy: () => storage.delete({ bucket, path }),
  }
}

function curl(...args: string[]) {
  return execa('curl', ['-sf', ...args])
}

/** The storage of a running product, to sign URLs that it answers. */
async function storageOf({ dataDirectory }: Product): Promise<StorageProvider> {
  const paths = dataPathsOf(dataDirectory)
  return createFsStorage({
    root: paths.objects,
    signingKey: await readOrCreateKey(paths.signingKey),
    publicPath: objectsPath,
    now: Date.now,
    log: silentLog,
  })
}

async function startPlainServer(path: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const program = resolve('dist/deploy/bench/plain-server.js')
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(createInterface(child.stdout), 'line')
  return { url: String(url), stop: endLater(() => child.kill()) }
}
