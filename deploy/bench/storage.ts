/** How fast bytes go through each storage, against `cp` and against curl to the same server, and what a kernel needs for them. */
import { execa } from 'execa'
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { silentLog } from '../../kernel/log.ts'
import { createFsStorage } from '../../plugins/storage-fs/storage.ts'
import { createS3Storage } from '../../plugins/storage-s3/storage.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { createDataDirectory, startProduct, stopProducts } from '../checks/product.ts'
import { type Figure, median, type Section } from './figure.ts'

/** Bytes of the file; `BENCH_STORAGE_BYTES=5000000000` is the size of the goal. */
const sizeBytes = Number(process.env['BENCH_STORAGE_BYTES'] ?? 512 * 2 ** 20)
const rounds = 3
const bucket = 'media'
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
    try {
      return [
        ...await measureFiles(directory, file, say),
        ...server === undefined ? [] : await measureBucket(server, file, say),
        await measureKernel('files', file, {}, say),
        ...server === undefined ? [] : [await measureKernel('S3', file, envOf(server), say)],
      ]
    } finally {
      await server?.stop()
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
  // An upload is on the disk when it is answered; a copy is to be as well.
  const cp = async () => {
    await execa('cp', [file, copy])
    await execa('sync', ['-d', copy])
    rmSync(copy)
  }
  const up = await compare(() => upload(storage, file), cp)
  const down = await compare(() => download(storage), () => execa('cp', [file, '/dev/null']))
  say(`files: ${up.detail}; ${down.detail}`)
  await storage.close()
  return [
    rateFigure('upload to files / cp', up),
    rateFigure('download from files / cp to nowhere', down),
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
  const up = await compare(() => upload(storage, file), () => curl(...headers, '-T', file, put.url))
  const down = await compare(() => download(storage), () => curl('-o', '/dev/null', get.url))
  say(`S3: ${up.detail}; ${down.detail}`)
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
  const status = `/proc/${product.process.pid}/status`
  const residentBytes = (field: 'VmRSS' | 'VmHWM') =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(status, 'utf8'))?.[1])
  // What the start needed at most is not what an upload needs: proc(5), clear_refs.
  writeFileSync(`/proc/${product.process.pid}/clear_refs`, '5')
  const before = residentBytes('VmRSS')
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
  const peak = residentBytes('VmHWM')
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
  const chunks = createReadStream(file, { highWaterMark: 256 * 1024 })
  await storage.upload({ bucket, path: 'uploads/ours.bin' }, chunks)
}

async function download(storage: StorageProvider): Promise<void> {
  const { body } = await storage.download({ bucket, path: 'uploads/ours.bin' })
  for await (const _ of body) continue
}

interface Comparison {
  readonly ratio: number
  readonly detail: string
}

/** Both ways in turn, so that what else the machine does meets both. */
async function compare(
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
): Promise<Comparison> {
  const times = { ours: [] as number[], theirs: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.theirs.push(await secondsOf(theirs))
    times.ours.push(await secondsOf(ours))
  }
  const rate = (seconds: readonly number[]) => sizeBytes / median(seconds)
  const [own, other] = [rate(times.ours), rate(times.theirs)]
  return { ratio: own / other, detail: `${mb(own)}/s against ${mb(other)}/s` }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}

function rateFigure(name: string, { ratio, detail }: Comparison): Figure {
  return { name, value: ratio, unit: '', goal: '>= 0.9', reached: ratio >= 0.9, detail }
}

function mb(bytes: number): string {
  return `${Math.round(bytes / megabyte)} MB`
}

function envOf({ url, options }: TestS3): Record<string, string> {
  return {
    WEBENCODE_S3_ENDPOINT: url,
    WEBENCODE_S3_BUCKET: options.bucket,
    WEBENCODE_S3_ACCESS_KEY_ID: options.accessKeyId,
    WEBENCODE_S3_SECRET_ACCESS_KEY: options.secretAccessKey,
  }
}
