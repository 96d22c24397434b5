/** A real S3 server of a test's own: versitygw, SeaweedFS or MinIO, whichever this machine has, on free ports of the loopback interface. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { findProgram, freePort, isExecutable } from '../../kernel/local-programs.ts'
import type { S3StorageOptions } from './options.ts'

const accessKeyId = 'webencode-test'
const secretAccessKey = 'webencode-test-secret'
const region = 'us-east-1'
const startTimeoutMs = 30_000

/** How a program is started. */
interface Launch {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

type Launcher = (directory: string, port: number) => Promise<Launch>

const launchers: Readonly<Record<string, Launcher>> = {
  versitygw: (directory, port) =>
    Promise.resolve({
      args: ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', 'posix', directory],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    }),
  weed: async (directory, port) => {
    const config = join(directory, 's3.json')
    const credentials = [{ accessKey: accessKeyId, secretKey: secretAccessKey }]
    const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging']
    writeFileSync(config, JSON.stringify({ identities: [{ name: 'test', credentials, actions }] }))
    return {
      args: [
        'server',
        `-dir=${directory}`,
        '-ip=127.0.0.1',
        '-s3',
        `-s3.port=${port}`,
        `-s3.config=${config}`,
        `-master.port=${await freePort()}`,
        `-volume.port=${await freePort()}`,
        `-filer.port=${await freePort()}`,
        '-master.volumeSizeLimitMB=64',
      ],
    }
  },
  minio: (directory, port) =>
    Promise.resolve({
      args: ['server', directory, '--address', `127.0.0.1:${port}`, '--quiet'],
      env: { MINIO_ROOT_USER: accessKeyId, MINIO_ROOT_PASSWORD: secretAccessKey },
    }),
}

/** The program: the one of `WEBENCODE_TEST_S3_SERVER`, or the first that PATH has; undefined where there is none. */
export function findS3Server(): string | undefined {
  const given = process.env['WEBENCODE_TEST_S3_SERVER']
  if (given !== undefined && given !== '') return isExecutable(given) ? given : undefined
  return Object.keys(launchers).map(findProgram).find((path) => path !== undefined)
}

/** For the `skip` option of tests that need a real server. */
export const skipWithoutS3: string | false = findS3Server() === undefined
  ? 'needs versitygw, weed or minio on the PATH, or WEBENCODE_TEST_S3_SERVER'
  : false

/** A server that can be killed, frozen and started again on the same port. */
export class TestS3 {
  /** What a storage of its bucket is opened with. */
  readonly options:
    & Required<
      Pick<S3StorageOptions, 'endpoint' | 'region' | 'bucket' | 'accessKeyId' | 'secretAccessKey'>
    >
    & { readonly useSsl: false }
  readonly #directory: string
  readonly #port: number
  #child: ChildProcess | undefined

  private constructor(directory: string, port: number, bucket: string) {
    this.#directory = directory
    this.#port = port
    const endpoint = `127.0.0.1:${port}`
    this.options = { endpoint, region, bucket, accessKeyId, secretAccessKey, useSsl: false }
  }

  /**
   * Starts a server with one empty bucket.
   * @param directory - where it keeps its files. @default a new one
   */
  static async start(
    directory = mkdtempSync(join(tmpdir(), 'webencode-s3-')),
    bucket = 'webencode-test',
  ): Promise<TestS3> {
    mkdirSync(directory, { recursive: true })
    const server = new TestS3(directory, await freePort(), bucket)
    await server.restart()
    await server.#makeBucket()
    return server
  }

  get url(): string {
    return `http://${this.options.endpoint}`
  }

  /** Kills it like a power cut would, and starts it again. */
  async restart(): Promise<void> {
    await this.kill()
    const program = findS3Server()
    const launcher = launchers[basename(program ?? '')]
    if (program === undefined || launcher === undefined) throw new Error(String(skipWithoutS3))
    const { args, env = {} } = await launcher(this.#directory, this.#port)
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'ignore' })
    await this.#answers()
  }

  /** Stops it in the middle of whatever it does, as a machine that hangs; its connections stay open. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    if (this.#child?.pid !== undefined) process.kill(this.#child.pid, 'SIGCONT')
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    process.kill(child.pid, 'SIGKILL')
    await exited
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #answers(): Promise<void> {
    const until = Date.now() + startTimeoutMs
    for (;;) {
      try {
        return void await (await fetch(this.url)).arrayBuffer()
      } catch (failure) {
        if (Date.now() > until) throw failure
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** A server that answers may not yet take buckets. */
  async #makeBucket(): Promise<void> {
    const { bucket: Bucket } = this.options
    const client = new S3Client({
      region,
      endpoint: this.url,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 10,
    })
    try {
      await client.send(new CreateBucketCommand({ Bucket }))
    } finally {
      client.destroy()
    }
  }
}
