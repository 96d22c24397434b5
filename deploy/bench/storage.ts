/** How fast bytes go through each storage, against `cp` and against curl to the same server, and what a kernel needs for them. */
import { execa } from 'execa'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { silentLog } from '../../kernel/log.ts'
import { createFsStorage } from '../../plugins/storage-fs/storage.ts'
import { createS3Storage } from '../../plugins/storage-s3/storage.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { createDataDirectory, startProduct, stopProducts } from '../checks/product.ts'
import { endLater } from '../cluster/endings.ts'
import { MemoryGrowth } from '../checks/resident-memory.ts'
import { compare, mb, rateFigure } from './comparison.ts'
import type { Figure, Section } from './figure.ts'
import { measureServedBucket, measureServedFiles } from './served-files.ts'

/** Bytes of the file; `BENCH_STORAGE_BYTES=5000000000` is the size of the goal. */
const sizeBytes = Number(process.env['BENCH_STORAGE_BYTES'] ?? 512 * 2 ** 20)
const bucket = 'media'
const target = { bucket, path: 'uploads/ours.bin' }
const megabyte = 1e6
/** What a kernel may grow by: the parts on their way, and what the collector has not yet seen. */
const mostGrowthBytes = 200 * megabyte

export const storageSection: Section = {
  name: 'storage',
  async measure(say) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
      throw new RangeError('BENCH_STORAGE_BYTES must be a whole number of bytes')
    }
    const directory = createDataDirectory()
    const file = join(directory, 'film.bin')
    await execa('sh', ['-c', `head -c ${sizeBytes} /dev/urandom > ${file}`])
    const server = skipWithoutS3 === false ? await TestS3.start(join(directory, 's3')) : undefined
    if (server === undefined) say(`S3 is not measured: ${skipWithoutS3}`)
    const stopServer = endLater(() => server?.stop())
    try {
      return [
        ...await measureFiles(directory, file, say),
        ...server === undefined ? [] : await measureBucket(server, file, say),
        ...await measureServedFiles(directory, file, say),
        ...server === undefined
          ? []
          : [await measureServedBucket(server, file, envOf(server), say)],
        await measureKernel('files', file, {}, say),
        ...server === undefined ? [] : [await measureKernel('S3', file, envOf(server), say)],
      ]
    } finally {
      await stopServer()
      await stopProducts()
      rmSync(directory, { recursive: true, force: true })
    }
  },
}

async function measureFiles(
  directory: string,
  file: string,
  say: (line: string) => void,
): Promise<Figure[]> {
  const root = join(directory, 'objects')
  mkdirSync(root)
  const storage = createFsStorage({
    root,
    signingKey: new Uint8Array(32),
    publicPath: '/o',
    now: Date.now,
    log: silentLog,
  })
  const copy = join(directory, 'copy.bin')
  const removeCopy = () => rmSync(copy)
  // An upload is on the disk when it is answered; a copy is to be as well.
  const durableCopy = async () => {
    await execa('cp', [file, copy])
    await execa('sync', ['-d', copy])
  }
  const up = await compare(
    sizeBytes,
    { move: () => upload(storage, file), tidy: () => storage.delete(target) },
    { move: durableCopy, tidy: removeCopy },
  )
  // What is stored here has its digest; a copy has none.
  const digested = await compare(
    sizeBytes,
    { move: () => upload(storage, file), tidy: () => storage.delete(target) },
    { move: () => durableCopy().then(() => execa('sha256sum', [copy])), tidy: removeCopy },
  )
  await upload(storage, file)
  const down = await compare(
    sizeBytes,
    { move: () => download(storage) },
    { move: () => execa('cp', [file, '/dev/null']) },
  )
  const toFile = await compare(
    sizeBytes,
    { move: () => downloadTo(storage, copy), tidy: removeCopy },
    { move: () => execa('cp', [file, copy]), tidy: removeCopy },
  )
  say(`files: ${up.detail}; digest ${digested.detail}; ${down.detail}; ${toFile.detail}`)
  await storage.close()
  rmSync(root, { recursive: true })
  return [
    rateFigure('upload to files / cp and sync', up),
    rateFigure('upload to files / cp and sync, the digest made by sha256sum', digested),
    rateFigure('download from files / cp to nowhere, which moves no byte', down),
    rateFigure('download from files to a file / cp', toFile),
  ]
}

async function measureBucket(
  server: TestS3,
  file: string,
  say: (line: string) => void,
): Promise<Figure[]> {
  const storage = createS3Storage(server.options, silentLog)
  const request = { bucket, objectKey: 'uploads/curl.bin', expirySeconds: 3600 } as const
  const put = await storage.getUploadUrl({ ...request, method: 'PUT', audience: 'worker' })
  const headers = Object.entries(put.headers).flatMap((
    [name, value],
  ) => ['-H', `${name}: ${value}`])
  const get = await storage.getUrl({ ...request, method: 'GET', audience: 'worker' })
  const curl = (...args: string[]) => execa('curl', ['-sf', ...args])
  const curled = { bucket, path: request.objectKey }
  const up = await compare(
    sizeBytes,
    { move: () => upload(storage, file), tidy: () => storage.delete(target) },
    { move: () => curl(...headers, '-T', file, put.url), tidy: () => storage.delete(curled) },
  )
  await upload(storage, file)
  await curl(...headers, '-T', file, put.url)
  const down = await compare(
    sizeBytes,
    { move: () => download(storage) },
    { move: () => curl('-o', '/dev/null', get.url) },
  )
  say(`S3: ${up.detail}; ${down.detail}`)
  await storage.delete(target)
  await storage.delete(curled)
  await storage.close()
  return [
    rateFigure('upload to S3 / curl', up),
    rateFigure('download from S3 / curl', down),
  ]
}

/** Memory of a kernel that a file is uploaded through. */
async function measureKernel(
  name: string,
  file: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<Figure> {
  const product = await startProduct({ env })
  const memory = new MemoryGrowth(product.process.pid ?? 0)
  const startMs = performance.now()
  await execa('curl', [
    '-sf',
    '-X',
    'POST',
    '-T',
    file,
    '-o',
    '/dev/null',
    '-H',
    `authorization: Bearer ${product.token}`,
    '-H',
    'content-type: application/octet-stream',
    `${product.url}/v1/files/upload?name=film.bin`,
  ])
  const seconds = (performance.now() - startMs) / 1000
  const [before, peak] = [memory.beforeBytes, memory.peakBytes()]
  await product.stop()
  const detail = `${mb(before)} before, ${mb(peak)} at most; ${mb(sizeBytes)} in ` +
    `${seconds.toFixed(1)} s`
  say(`kernel, ${name}: ${detail}`)
  return {
    name: `memory that a kernel needs for an upload to ${name}`,
    value: (peak - before) / megabyte,
    unit: 'MB',
    goal: `<= ${mostGrowthBytes / megabyte} MB`,
    reached: peak - before <= mostGrowthBytes,
    detail,
  }
}

async function upload(storage: StorageProvider, file: string): Promise<void> {
  await storage.upload(target, chunksOf(file))
}

/**
 * The bytes of a file, the next ones read while these are stored. New memory for each would be most of what is measured: the
 * buffers are used in turn, one that is read, one that is asked for and one that may still be written.
 */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const chunkBytes = 256 * 1024
  const buffers = [0, 1, 2].map(() => Buffer.allocUnsafeSlow(chunkBytes))
  const file = await open(path)
  try {
    const read = (turn: number) => file.read(buffers[turn % 3] ?? Buffer.of(), 0, chunkBytes)
    let reading = read(0)
    for (let turn = 1;; turn++) {
      const { bytesRead, buffer } = await reading
      if (bytesRead === 0) return
      reading = read(turn)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function download(storage: StorageProvider): Promise<void> {
  const { body } = await storage.download(target)
  for await (const _ of body) continue
}

async function downloadTo(storage: StorageProvider, path: string): Promise<void> {
  const { body } = await storage.download(target)
  await pipeline(body, createWriteStream(path))
}

function envOf({ url, options }: TestS3): Record<string, string> {
  return {
    WEBENCODE_S3_ENDPOINT: url,
    WEBENCODE_S3_BUCKET: options.bucket,
    WEBENCODE_S3_ACCESS_KEY_ID: options.accessKeyId,
    WEBENCODE_S3_SECRET_ACCESS_KEY: options.secretAccessKey,
  }
}
