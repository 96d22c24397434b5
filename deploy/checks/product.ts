/** The product as a user runs it, for end-to-end checks: a process of its own, a free port, a data directory that is deleted after. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { JobView, TaskView } from '../../kernel/contract/job.ts'

/** A running product and its admin's token. */
export interface Product {
  readonly url: string
  /** The one-time sign-in link, printed on the first start of a data directory. */
  readonly signInUrl: string | undefined
  readonly token: string
  readonly dataDirectory: string
  readonly process: ChildProcess
  /** Everything the process wrote to standard error. */
  log(): string
  /** A request with the admin's token. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** `kill -9`. */
  kill(): Promise<void>
  /** SIGTERM, and waits. @returns the exit code */
  stop(): Promise<number | null>
}

export interface ProductOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Keeps an earlier life's data. @default a new directory */
  readonly dataDirectory?: string
}

const token = 'we_check_admin_token_0123456789'
const running = new Set<ChildProcess>()

/** Where the sample videos of the checks are. */
export const mediaDirectory = resolve('deploy/checks/media')

/** Starts the product and waits until it says where it listens. @throws with its log when it does not within a minute */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const dataDirectory = options.dataDirectory ?? createDataDirectory()
  // As `npm start` does.
  const program = ['--max-semi-space-size=4', resolve('dist/deploy/all.js')]
  const child = spawn(process.execPath, program, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      // Of plugins: a product that is killed for good leaves their folders to us.
      TMPDIR: temporaryDirectory(),
      KERNEL_PORT: '0',
      WEBENCODE_DATA_DIR: dataDirectory,
      WEBENCODE_ADMIN_TOKEN: token,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const { url, signInUrl } = await readAddress(child, () => log)
  const product: Product = {
    url,
    signInUrl,
    token,
    dataDirectory,
    process: child,
    log: () => log,
    fetch: (path, init = {}) =>
      fetch(new URL(path, url), {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...headersOf(init) },
      }),
    kill: async () => void (await end(child, 'SIGKILL')),
    stop: () => end(child, 'SIGTERM'),
  }
  return product
}

/** Stops what a check left running and deletes all data. For `after`. */
export async function stopProducts(): Promise<void> {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')))
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  directories.clear()
  temporary = undefined
}

const directories = new Set<string>()
let temporary: string | undefined

function temporaryDirectory(): string {
  temporary ??= createDataDirectory()
  return temporary
}

/** A data directory that {@link stopProducts} deletes. */
export function createDataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-check-'))
  directories.add(directory)
  return directory
}

/** Uploads a file of the sample folder. @returns its source URL */
export async function upload(product: Product, path: string): Promise<string> {
  const response = await product.fetch('/v1/files/upload', {
    method: 'POST',
    headers: { 'x-file-name': basename(path), 'content-type': 'application/octet-stream' },
    body: Readable.toWeb(createReadStream(path)),
    duplex: 'half',
  } as RequestInit)
  assert.equal(response.status, 201, await response.clone().text())
  const { url } = (await response.json()) as { url: string }
  return url
}

/** Creates a job. @throws unless it is accepted */
export async function submit(product: Product, body: object): Promise<JobView> {
  const response = await product.fetch('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 201, await response.clone().text())
  return (await response.json()) as JobView
}

export async function readJob(product: Product, id: string): Promise<JobView> {
  const response = await product.fetch(`/v1/jobs/${id}`)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as JobView
}

export async function readTasks(product: Product, id: string): Promise<TaskView[]> {
  const response = await product.fetch(`/v1/jobs/${id}/tasks`)
  return ((await response.json()) as { tasks: TaskView[] }).tasks
}

/** Reads the job until `holds` is true of it. @throws after `timeoutMs` with the job as it then is */
export async function waitForJob(
  product: Product,
  id: string,
  holds: (job: JobView) => boolean,
  timeoutMs = 120_000,
  pollMs = 50,
): Promise<JobView> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const job = await readJob(product, id)
    if (holds(job)) return job
    if (Date.now() > deadline) {
      assert.fail(`job is ${JSON.stringify(job)}\n${product.log().slice(-4000)}`)
    }
    await new Promise((next) => setTimeout(next, pollMs))
  }
}

/** Waits for the job's end, whatever it is. @param pollMs - how often it looks */
export function waitForEnd(
  product: Product,
  id: string,
  timeoutMs?: number,
  pollMs?: number,
): Promise<JobView> {
  return waitForJob(product, id, (job) => job.finished_at !== null, timeoutMs, pollMs)
}

async function readAddress(child: ChildProcess, log: () => string) {
  assert.ok(child.stdout)
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  let signInUrl: string | undefined
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      signInUrl ??= /(http\S+\/auth\/link\S+)/.exec(line)?.[1]
      const url = /listens on (http:\/\/\S+)/.exec(line)?.[1]
      if (url !== undefined) return { url, signInUrl }
    }
  } finally {
    clearTimeout(timer)
  }
  return assert.fail(`the product did not start:\n${log()}`)
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
  return child.exitCode
}

function headersOf(init: RequestInit): Record<string, string> {
  return Object.fromEntries(new Headers(init.headers))
}
