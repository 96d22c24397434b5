/** A whole cluster on this machine: PostgreSQL, nats-server, kernels that share a folder, workers that share nothing. */
import { join, resolve } from 'node:path'
import { TestNats } from '../../kernel/bus/test-nats.ts'
import { freePort } from '../../kernel/local-programs.ts'
import { LocalPostgres } from './postgres.ts'
import { ClusterProcess } from './process.ts'

export interface ClusterOptions {
  /** Of everything that the cluster keeps. */
  readonly directory: string
  readonly kernels: number
  readonly workers: number
  readonly adminToken: string
  readonly joinToken: string
  /** Settings of every kernel and worker. */
  readonly env?: Readonly<Record<string, string>>
  /** Port of the first kernel; the next ones follow. @default free ports */
  readonly firstPort?: number
  /**
   * Puts something between a process and a server.
   * @param link - e.g. `kernel-1 to postgres`, `worker-2 to nats`
   * @returns the port that the process is to use
   * @default nothing
   */
  readonly wayTo?: (link: string, port: number) => Promise<number>
  /** Settings of one process, over those of all. */
  readonly envOf?: (name: string) => Readonly<Record<string, string>>
  /** What runs one process; see {@link ProcessOrder}. */
  readonly prefixOf?: (name: string) => readonly string[]
  readonly onLine?: (name: string, line: string) => void
}

/** Compiled entry points: checks run compiled too. */
const entryPoint = (role: 'kernel' | 'worker') => resolve('dist/deploy', `${role}.js`)

/** What is started, by name: `kernel-1`, `worker-2`. */
export class Cluster {
  readonly postgres: LocalPostgres
  readonly nats: TestNats
  readonly kernels: readonly ClusterProcess[]
  readonly workers: readonly ClusterProcess[]
  readonly #adminToken: string

  private constructor(servers: Servers, processes: Processes, adminToken: string) {
    this.postgres = servers.postgres
    this.nats = servers.nats
    this.kernels = processes.kernels
    this.workers = processes.workers
    this.#adminToken = adminToken
  }

  /** Starts everything. @throws when PostgreSQL or nats-server is missing, or a process does not start; nothing is left then */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const servers = await startServers(options.directory)
    const cluster = new Cluster(
      servers,
      await processesOf(servers, options),
      options.adminToken,
    )
    try {
      // One after the other, so that the first one migrates the database and the others find it so.
      for (const process of cluster.processes) await process.start()
      return cluster
    } catch (failure) {
      await cluster.stop()
      throw failure
    }
  }

  /** Kernels first. */
  get processes(): readonly ClusterProcess[] {
    return [...this.kernels, ...this.workers]
  }

  /** A request to a kernel with the admin's token. */
  fetch(path: string, init: RequestInit = {}, kernel = this.kernels[0]): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${this.#adminToken}`)
    return fetch(new URL(path, kernel?.ready), { ...init, headers })
  }

  /** Stops everything: workers drain, kernels leave, then the servers. */
  async stop(): Promise<void> {
    for (const process of this.processes) process.resume()
    await Promise.all(this.workers.map((worker) => worker.stop()))
    await Promise.all(this.kernels.map((kernel) => kernel.stop()))
    await this.nats.stop()
    await this.postgres.stop()
  }
}

interface Servers {
  readonly postgres: LocalPostgres
  readonly nats: TestNats
}

async function startServers(directory: string): Promise<Servers> {
  const postgres = await LocalPostgres.start(join(directory, 'postgres'))
  if (postgres === undefined) throw new Error('PostgreSQL is not installed')
  try {
    return { postgres, nats: await TestNats.start() }
  } catch (failure) {
    await postgres.stop()
    throw failure
  }
}

interface Processes {
  readonly kernels: readonly ClusterProcess[]
  readonly workers: readonly ClusterProcess[]
}

async function processesOf(servers: Servers, options: ClusterOptions): Promise<Processes> {
  const { kernels, workers } = options
  return {
    kernels: await Promise.all(numbered(kernels).map((n) => kernelOf(n, servers, options))),
    workers: await Promise.all(numbered(workers).map((n) => workerOf(n, servers, options))),
  }
}

async function kernelOf(
  n: number,
  servers: Servers,
  options: ClusterOptions,
): Promise<ClusterProcess> {
  const name = `kernel-${n}`
  const { directory, firstPort, adminToken } = options
  return processOf('kernel', name, options, {
    NATS_URL: await urlThrough(servers.nats.url, `${name} to nats`, options),
    DATABASE_URL: await urlThrough(servers.postgres.url, `${name} to postgres`, options),
    KERNEL_PORT: String(firstPort === undefined ? await freePort() : firstPort + n - 1),
    WEBENCODE_DATA_DIR: join(directory, 'shared'),
    WEBENCODE_ADMIN_TOKEN: adminToken,
  })
}

async function workerOf(
  n: number,
  servers: Servers,
  options: ClusterOptions,
): Promise<ClusterProcess> {
  const name = `worker-${n}`
  return processOf('worker', name, options, {
    NATS_URL: await urlThrough(servers.nats.url, `${name} to nats`, options),
    WORKER_ID: name,
    WEBENCODE_DATA_DIR: join(options.directory, name),
  })
}

async function urlThrough(
  url: string,
  link: string,
  { wayTo }: ClusterOptions,
): Promise<string> {
  if (wayTo === undefined) return url
  const [, before = '', port = '', after = ''] = /^(.*:)(\d+)(.*)$/.exec(url) ?? []
  return before + await wayTo(link, Number(port)) + after
}

function processOf(
  role: 'kernel' | 'worker',
  name: string,
  { joinToken, env = {}, envOf, prefixOf, onLine }: ClusterOptions,
  own: Readonly<Record<string, string>>,
): ClusterProcess {
  return new ClusterProcess({
    name,
    file: entryPoint(role),
    env: { WEBENCODE_JOIN_TOKEN: joinToken, ...env, ...own, ...envOf?.(name) },
    ...(prefixOf !== undefined && { prefix: prefixOf(name) }),
    readyLine: role === 'kernel' ? /^WebEncode listens on (\S+)/ : /^Worker \S+ works for (\S+)/,
    ...(onLine !== undefined && { onLine: (line: string) => onLine(name, line) }),
  })
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
