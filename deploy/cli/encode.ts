/** `webencode encode FILE`: one video in, one verified video out, embedded or against a server. */
import { access, constants, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JobOutputView, JobView } from '../../kernel/contract/job.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog } from '../../kernel/log.ts'
import { type Config, readConfig } from '../../kernel/config.ts'
import { startBox } from '../box.ts'
import { type Client, createClient } from './client.ts'
import { createProgressBar } from './progress-bar.ts'

export interface EncodeOptions {
  readonly file: string
  readonly profile: string
  readonly out: string
  /** Changes to the profile, as the API takes them. */
  readonly overrides?: unknown
  /** Absent: the whole product runs inside this process, for this one job. */
  readonly server?: string
  readonly token?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborting cancels the job. */
  readonly signal: AbortSignal
}

export interface EncodeResult {
  readonly job: JobView
  readonly files: readonly {
    readonly path: string
    readonly sizeBytes: number
    readonly sha256: string
  }[]
}

const pollMs = 250

/** Encodes one file. @throws WE-JOB-002 when it cannot be read; the server's errors; the reason of an abort */
export async function encode(options: EncodeOptions): Promise<EncodeResult> {
  const file = resolve(options.file)
  await checkReadable(file)
  await mkdir(options.out, { recursive: true })
  if (options.server === undefined) return encodeEmbedded(options, file)
  const client = createClient(options.server, options.token ?? '')
  return run(client, await client.upload(file), options)
}

async function encodeEmbedded(options: EncodeOptions, file: string): Promise<EncodeResult> {
  // Beside the output: intermediates are as large as it, and /tmp may be memory.
  const dataDirectory = await mkdtemp(join(resolve(options.out), '.webencode-'))
  try {
    const config = embeddedConfig(options, dataDirectory, file)
    const box = await startBox(config, createLog('error'))
    try {
      return await run(createClient(box.url, box.adminToken), pathToFileURL(file).href, options)
    } finally {
      await box.stop()
    }
  } finally {
    await rm(dataDirectory, { recursive: true, force: true })
  }
}

function embeddedConfig({ env }: EncodeOptions, dataDirectory: string, file: string): Config {
  const { DATABASE_URL: _, ...rest } = env
  return {
    ...readConfig({ ...rest, KERNEL_PORT: '0', KERNEL_HOST: '127.0.0.1' }),
    dataDirectory,
    mediaRoots: [dirname(file)],
  }
}

async function run(
  client: Client,
  sourceUrl: string,
  options: EncodeOptions,
): Promise<EncodeResult> {
  const { profile, overrides, signal, out } = options
  const created = await client.submit({
    source_url: sourceUrl,
    profile,
    ...(overrides === undefined ? {} : { overrides }),
  })
  const job = await follow(client, created, signal)
  if (job.status !== 'completed') return { job, files: [] }
  const outputs = await client.outputs(job.id)
  return { job, files: await Promise.all(outputs.map((output) => save(client, output, out))) }
}

async function follow(client: Client, created: JobView, signal: AbortSignal): Promise<JobView> {
  const bar = createProgressBar(process.stderr)
  try {
    for (let job = created;; job = await client.read(created.id)) {
      bar.show(job)
      if (job.finished_at !== null) return job
      if (signal.aborted) {
        await client.cancel(created.id)
        throw signal.reason
      }
      await new Promise((next) => setTimeout(next, pollMs))
    }
  } finally {
    bar.end()
  }
}

async function save(client: Client, output: JobOutputView, out: string) {
  const path = join(resolve(out), output.name)
  await client.download(output, path)
  const { size } = await stat(path)
  if (size !== output.size_bytes) {
    throw new WebEncodeError(
      'WE-STO-004',
      `Cannot save ${path}: ${output.size_bytes} bytes were announced, ${size} came`,
    )
  }
  return { path, sizeBytes: size, sha256: output.sha256 }
}

async function checkReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK)
  } catch (cause) {
    throw new WebEncodeError(
      'WE-JOB-002',
      `Cannot read ${file}: it must be a file that this user may read`,
      { cause },
    )
  }
}
