/** The plugin host: finds plugins in a folder, checks them, and starts their processes. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type {
  FoundPlugin,
  PluginHost,
  PluginManifest,
  SecretResolver,
  StartPlugin,
} from '../contract/plugin.ts'
import type { Log } from '../log.ts'
import { createConfigChecker } from './config-schema.ts'
import type { HostedPlugin } from './instance.ts'
import { openProcessNotes, type ProcessNotes } from './leftovers.ts'
import { scanPluginFolders } from './folders.ts'
import { launchPlugin } from './launch.ts'

/** How long a plugin may take to start, in milliseconds. */
const presetStartTimeoutMs = 15_000

export interface PluginHostOptions {
  /** Folder of the plugins, each in a folder of its own: `PLUGIN_DIR`. */
  readonly directory: string
  /** Folder that the host may write: notes of running processes and Deno's cache. Made when it is missing. */
  readonly stateDirectory: string
  /** Semantic version of this kernel. */
  readonly kernelVersion: string
  readonly secrets: SecretResolver
  readonly log: Log
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number
  /** Until the handshake and the first health check. @default 15 000 */
  readonly startTimeoutMs?: number
  /** Of which a plugin gets what its manifest names. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** The program `deno`. @default the installed one */
  readonly deno?: string
}

/** The host of this machine's plugins. */
export interface ProcessPluginHost extends PluginHost {
  start(plugin: StartPlugin): Promise<HostedPlugin>
}

/** Opens the host, and ends what a killed kernel left behind. */
export async function openPluginHost(options: PluginHostOptions): Promise<ProcessPluginHost> {
  await mkdir(options.stateDirectory, { recursive: true, mode: 0o700 })
  const notes = await openProcessNotes(join(options.stateDirectory, 'running'), options.log)
  return new FolderHost(options, notes)
}

class FolderHost implements ProcessPluginHost {
  readonly #options: PluginHostOptions
  readonly #notes: ProcessNotes
  readonly #checker = createConfigChecker()
  /** With what is done after their end. */
  readonly #running = new Map<HostedPlugin, Promise<void>>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(options: PluginHostOptions, notes: ProcessNotes) {
    this.#options = options
    this.#notes = notes
  }

  scan(): Promise<readonly FoundPlugin[]> {
    const { directory, kernelVersion } = this.#options
    return scanPluginFolders(directory, kernelVersion)
  }

  checkConfig(manifest: PluginManifest, config: unknown): Record<string, unknown> {
    return this.#checker.check(manifest.id, manifest.configSchema, config)
  }

  async start(plugin: StartPlugin): Promise<HostedPlugin> {
    this.#closing.signal.throwIfAborted()
    const starting = this.#launch(plugin)
    this.#starting.add(starting)
    try {
      return await starting
    } finally {
      this.#starting.delete(starting)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The plugin host is closing'))
    await Promise.allSettled(this.#starting)
    const running = [...this.#running]
    await Promise.all(running.map(([instance]) => instance.stop()))
    await Promise.all(running.map(([, ended]) => ended))
  }

  async #launch(plugin: StartPlugin): Promise<HostedPlugin> {
    const { log, now = Date.now, stateDirectory, environment = process.env } = this.#options
    // Short, and never on a network file system: the path of a socket has 108 bytes at most.
    const runDirectory = await mkdtemp(join(tmpdir(), 'we-plugin-'))
    const clear = () => rm(runDirectory, { recursive: true, force: true })
    try {
      const instance = await launchPlugin({
        ...plugin,
        runDirectory,
        secrets: this.#options.secrets,
        notes: this.#notes,
        now,
        signal: this.#closing.signal,
        startTimeoutMs: this.#options.startTimeoutMs ?? presetStartTimeoutMs,
        kernelEnvironment: environment,
        denoDirectory: join(stateDirectory, 'deno'),
        ...(this.#options.deno !== undefined && { deno: this.#options.deno }),
      })
      log.info('A plugin started', { plugin: plugin.manifest.id, pid: instance.pid })
      this.#running.set(instance, this.#afterEnd(instance, clear))
      return instance
    } catch (failure) {
      await clear()
      throw failure
    }
  }

  /** Forgets an instance that ended, and deletes what it had on disk. */
  async #afterEnd(instance: HostedPlugin, clear: () => Promise<void>): Promise<void> {
    const { log } = this.#options
    const exit = await instance.exited
    const level = exit.isExpected ? 'info' : 'warn'
    log[level]('A plugin ended', { plugin: instance.manifest.id, ...exit })
    try {
      await this.#notes.remove(instance.pid)
      await clear()
    } catch (failure) {
      log.warn('Cannot clear up after a plugin', { error: failure })
    }
    this.#running.delete(instance)
  }
}
