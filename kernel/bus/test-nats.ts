/** A nats-server of a test's own: on free ports of the loopback interface, with a store that a test may wipe. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { findProgram } from '../local-programs.ts'

/** The program; undefined where it is not installed. */
export function findNatsServer(): string | undefined {
  return findProgram('nats-server')
}

/** For the `skip` option of tests that need a real server. */
export const skipWithoutNats: string | false = findNatsServer() === undefined
  ? 'needs nats-server: apt-get install nats-server'
  : false

export interface TestNatsOptions {
  /** Lines before our own, which win: ports and store. */
  readonly config?: string
  /** Files of a certificate: the server then speaks `wss://localhost`. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  readonly env?: Readonly<Record<string, string>>
}

interface ServerProcess {
  readonly pid: number
  readonly exited: Promise<unknown>
}

const startTimeoutMs = 20_000

/** A server that can be killed and started again on the same port. */
export class TestNats {
  readonly url: string
  readonly #directory: string
  readonly #options: TestNatsOptions
  readonly #configFile: string
  #child: ServerProcess | undefined

  private constructor(directory: string, port: number, options: TestNatsOptions) {
    this.url = options.tls === undefined ? `ws://127.0.0.1:${port}` : `wss://localhost:${port}`
    this.#directory = directory
    this.#options = options
    this.#configFile = join(directory, 'nats.conf')
  }

  /** @param options - see {@link TestNatsOptions}; a path to include is relative to `directory` */
  static async start(
    options: TestNatsOptions | ((directory: string) => TestNatsOptions) = {},
  ): Promise<TestNats> {
    const directory = mkdtempSync(join(tmpdir(), 'webencode-nats-'))
    const port = await freePort()
    const given = typeof options === 'function' ? options(directory) : options
    const server = new TestNats(directory, port, given)
    writeFileSync(server.#configFile, configFrom(given, port, directory))
    await server.restart()
    return server
  }

  /** Starts servers that are one cluster; they elect their leaders some time after that. */
  static async startCluster(size: number): Promise<TestNats[]> {
    const ports = await Promise.all(Array.from({ length: size }, freePort))
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
    return await Promise.all(ports.map((port, i) =>
      TestNats.start({
        config: [
          defaults,
          `server_name: "n${i + 1}"`,
          `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        ].join('\n'),
      })
    ))
  }

  /** Kills it like a power cut would, and starts it again. */
  async restart({ wipe = false } = {}): Promise<void> {
    await this.kill()
    if (wipe) rmSync(join(this.#directory, 'store'), { recursive: true, force: true })
    this.#child = await launch(this.#configFile, this.#options.env ?? {})
  }

  /** Stops it in the middle of whatever it does, as a machine that hangs; its connections stay open. */
  async freeze(): Promise<void> {
    this.#signal('SIGSTOP')
    const pid = this.#child?.pid
    await eventually(async () => {
      const threads = readdirSync(`/proc/${pid}/task`)
      const states = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8'))
      if (!states.every((state) => /\) T /.test(state))) throw new Error('still running')
    })
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.#child?.exited
    this.#child = undefined
  }

  /** By process id: `kill()` of Deno's child process sends only the first signal. */
  #signal(name: NodeJS.Signals): void {
    if (this.#child !== undefined) process.kill(this.#child.pid, name)
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Tries again, a little later, what another process makes true. @param patienceMs - how long it may take on a busy machine */
export async function eventually<T>(
  attempt: () => Promise<T>,
  patienceMs = 30_000,
): Promise<T> {
  const giveUpAtMs = performance.now() + patienceMs
  for (;;) {
    try {
      return await attempt()
    } catch (failure) {
      if (performance.now() >= giveUpAtMs) throw failure
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Speaks the protocol of NATS itself, for messages that no client of ours would send; resolves when the server took them. */
export async function sendRaw(url: string, ...commands: readonly string[]): Promise<void> {
  const { origin, username, password } = new URL(url.replace(/^ws/, 'http'))
  const socket = new WebSocket(origin.replace(/^http/, 'ws'))
  const connect = { verbose: false, headers: true, user: username, pass: password }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.binaryType = 'arraybuffer'
  socket.onopen = () =>
    socket.send([`CONNECT ${JSON.stringify(connect)}`, ...commands, 'PING', ''].join('\r\n'))
  socket.onerror = () => reject(new Error('the raw connection failed'))
  socket.onmessage = ({ data }) => {
    const text = new TextDecoder().decode(data as ArrayBuffer)
    if (text.includes('-ERR')) reject(new Error(text))
    if (text.includes('PONG')) resolve()
  }
  try {
    await promise
  } finally {
    socket.close()
  }
}

/** The command that publishes `payload`, with raw lines of headers when there are some. */
export function rawPublish(
  subject: string,
  payload: string,
  { reply = '', headers }: { reply?: string; headers?: readonly string[] } = {},
): string {
  const target = reply === '' ? subject : `${subject} ${reply}`
  if (headers === undefined) return `PUB ${target} ${Buffer.byteLength(payload)}\r\n${payload}`
  const head = ['NATS/1.0', ...headers, '', ''].join('\r\n')
  const size = Buffer.byteLength(head + payload)
  return `HPUB ${target} ${Buffer.byteLength(head)} ${size}\r\n${head}${payload}`
}

const defaults = 'max_payload: 8MB'

function configFrom(
  { config = defaults, tls }: TestNatsOptions,
  port: number,
  directory: string,
): string {
  const security = tls === undefined
    ? 'no_tls: true'
    : `tls { cert_file: "${tls.certificate}", key_file: "${tls.key}" }`
  return `${config}
listen: 127.0.0.1:-1
websocket { listen: "127.0.0.1:${port}", ${security} }
jetstream { store_dir: "${join(directory, 'store')}", max_file_store: 4GB, max_memory_store: 256MB }
`
}

async function launch(file: string, env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const program = findNatsServer()
  if (program === undefined) throw new TypeError(String(skipWithoutNats))
  const child = spawn(program, ['-c', file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // In a group of its own: Ctrl-C is for whoever started it, who stops it in its turn.
    detached: true,
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  child.once('exit', () => process.off('exit', killWithUs))
  const lines: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('not ready in time')), startTimeoutMs)
  child.once('error', reject)
  child.once('exit', () => reject(new Error(`ended:\n${lines.join('\n')}`)))
  createInterface(child.stderr).on('line', (line) => {
    if (lines.length < 100) lines.push(line)
    if (line.includes('Server is ready')) resolve()
  })
  try {
    await promise
    if (child.pid === undefined) throw new Error('no process id')
    return { pid: child.pid, exited }
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error('Cannot start nats-server', { cause })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A port that is free now and stays so while the server is down: below those that the system gives to outgoing
 * connections, or a client that tries to reconnect could be given the very port, and connect to itself.
 */
async function freePort(): Promise<number> {
  return await eventually(async () => {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return port
  })
}
