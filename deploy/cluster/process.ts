/** One process of a cluster on this machine: started, watched, and ended in any way that a check or a person wants. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ProcessOrder {
  /** E.g. `kernel-1`: begins its lines of the log. */
  readonly name: string
  /** A compiled entry point. */
  readonly file: string
  /** What runs the program, e.g. `ip netns exec NAME`. @default nothing: it runs by itself */
  readonly prefix?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What it prints when it is ready; its first group is kept as `ready`. */
  readonly readyLine: RegExp
  readonly onLine?: (line: string) => void
}

const startTimeoutMs = 60_000
const keptLines = 2_000

/** A process that can be started again under the same name and settings. */
export class ClusterProcess {
  readonly order: ProcessOrder
  /** What the ready line told of the life that is lived. */
  ready = ''
  readonly #lines: string[] = []
  #child: ChildProcess | undefined

  constructor(order: ProcessOrder) {
    this.order = order
  }

  get name(): string {
    return this.order.name
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null &&
      this.#child.signalCode === null
  }

  /** The last lines that it wrote, in all its lives. */
  get log(): string {
    return this.#lines.join('\n')
  }

  /**
   * Begins a life; resolves when it is ready.
   * @param extra - settings of this life alone
   * @throws with its log when it ends before, or takes a minute
   */
  async start(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    const { file, env, name, prefix = [] } = this.order
    const command = [...prefix, process.execPath, file]
    const child = spawn(command[0]!, command.slice(1), {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a group of its own, so that Ctrl-C reaches whoever started it, who then stops everything in order.
      detached: true,
    })
    const killWithUs = () => child.kill('SIGKILL')
    process.once('exit', killWithUs)
    child.once('exit', () => process.off('exit', killWithUs))
    this.#child = child
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error('not ready in time')), startTimeoutMs)
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`ended with ${signal ?? code}`)))
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        this.#note(line)
        const match = this.order.readyLine.exec(line)
        if (match === null) return
        this.ready = match[1] ?? ''
        resolve()
      })
    }
    try {
      await promise
    } catch (cause) {
      child.kill('SIGKILL')
      throw new Error(`${name} did not start:\n${this.log.slice(-4_000)}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM, and waits. @returns the exit code; null when it had to be killed, or was not running */
  async stop(timeoutMs = 120_000): Promise<number | null> {
    const child = this.#child
    const timer = setTimeout(() => child?.kill('SIGKILL'), timeoutMs)
    await this.#end('SIGTERM')
    clearTimeout(timer)
    return child?.exitCode ?? null
  }

  /** Stands still, its connections open. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  /** Goes on. */
  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  #note(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > keptLines) this.#lines.shift()
    this.order.onLine?.(line)
  }
}
