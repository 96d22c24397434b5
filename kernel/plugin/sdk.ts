/** What a TypeScript plugin is written with: it hands over an implementation of its pillar, and the rest is done here. */
import { join } from 'node:path'
import process from 'node:process'
import type { Authenticator } from '../contract/auth.ts'
import type { EncoderEngine } from '../contract/encoder.ts'
import type { Pillar } from '../contract/plugin.ts'
import type { StorageProvider } from '../contract/storage.ts'
import type { Log } from '../log.ts'
import { authMethods } from './adapters/auth-methods.ts'
import { encoderMethods } from './adapters/encoder-methods.ts'
import { storageMethods } from './adapters/storage-methods.ts'
import { magicCookie, variableNames } from './handshake.ts'
import { protocolVersion, socketName } from './protocol.ts'
import { createPluginLog } from './sdk/plugin-log.ts'
import { createPluginMetrics, type PluginMetrics } from './sdk/plugin-metrics.ts'
import { connectSecrets, type PluginSecrets } from './sdk/plugin-secrets.ts'
import { listen, type ServiceServer } from './sdk/service-server.ts'
import type { ReadMethod, ServedMethods, UnaryMethod } from './serve.ts'

export type { Authenticator, EncoderEngine, StorageProvider }

/** What a plugin of each pillar implements: our port where there is one, else the methods of its service by name. */
export interface Implementations {
  readonly storage: StorageProvider
  readonly auth: Authenticator
  readonly encoder: EncoderEngine
  readonly live: PlainMethods
  readonly publisher: PlainMethods
}

/** Methods by the names of the .proto file: a message in, a message or a stream of them out. */
export type PlainMethods = Readonly<Record<string, UnaryMethod | ReadMethod>>

/** What a plugin is given. */
export interface PluginContext {
  /** As in the manifest. */
  readonly id: string
  /** The configuration; the kernel has checked it against the manifest's schema. */
  readonly config: Readonly<Record<string, unknown>>
  /** The configuration with its types. @param schema - of zod, or anything that parses */
  configOf<T>(schema: { parse(value: unknown): T }): T
  /** JSON lines that the admin sees, with the correlation id of the call that is being served. */
  readonly log: Log
  /** Resolves the `*_ref` settings of the configuration. */
  readonly secrets: Pick<PluginSecrets, 'resolve'>
  readonly metrics: Pick<PluginMetrics, 'count' | 'set'>
  /** Aborted when the plugin is asked to end. */
  readonly signal: AbortSignal
}

/** A plugin. */
export interface PluginDefinition<P extends Pillar, T extends Implementations[P]> {
  readonly pillar: P
  /** Opens what the plugin works with. The kernel waits for it before it sends calls. */
  implement(context: PluginContext): T | Promise<T>
  /** Tries what the plugin needs. @returns a sentence for everything that does not work */
  selfTest?(implementation: T): Promise<readonly string[]>
  /** Closes what `implement` opened; running calls have ended. */
  close?(implementation: T): void | Promise<void>
}

/** Time for running calls at the end, in milliseconds; the kernel, which has waited for them before, kills after two seconds. */
const graceMs = 1000

/**
 * Serves the plugin until the kernel says stop, or is gone. To be called once, by the plugin's main file, after nothing was
 * written to standard output: the first line there is the handshake.
 */
export async function definePlugin<P extends Pillar, T extends Implementations[P]>(
  definition: PluginDefinition<P, T>,
): Promise<void> {
  const { env } = process
  const directory = env[variableNames.socketDirectory]
  if (env[magicCookie.key] !== magicCookie.value || directory === undefined) {
    process.stderr.write('This program is a plugin of WebEncode: a kernel starts it\n')
    process.exitCode = 1
    return
  }
  const ending = new AbortController()
  const parts = openParts(ending.signal)
  const implementation = await definition.implement(parts.context)
  const server = await listen({
    pillar: definition.pillar,
    methods: methodsOf(definition.pillar, implementation),
    selfTest: async () => await definition.selfTest?.(implementation) ?? [],
    metrics: parts.metrics,
    log: parts.context.log,
  }, join(directory, socketName))
  process.stdout.write(`1|${protocolVersion}|unix|${join(directory, socketName)}|grpc\n`)
  await endOfKernel()
  ending.abort(new Error('The plugin is ending'))
  await endPlugin(server, parts.secrets, async () => await definition.close?.(implementation))
}

function openParts(signal: AbortSignal) {
  const id = process.env[variableNames.id] ?? ''
  const config = JSON.parse(process.env[variableNames.config] ?? '{}') as Record<string, unknown>
  const secrets = connectSecrets(process.env[variableNames.secretsSocket])
  const metrics = createPluginMetrics(id)
  const log = createPluginLog()
  const configOf: PluginContext['configOf'] = (schema) => schema.parse(config)
  const context: PluginContext = { id, config, configOf, log, secrets, metrics, signal }
  return { context, secrets, metrics }
}

function methodsOf<P extends Pillar>(pillar: P, implementation: Implementations[P]): ServedMethods {
  switch (pillar) {
    case 'storage':
      return storageMethods(implementation as StorageProvider)
    case 'auth':
      return authMethods(implementation as Authenticator)
    case 'encoder':
      return encoderMethods(implementation as EncoderEngine)
    default:
      return implementation as ServedMethods
  }
}

/** Resolves at SIGTERM, and when standard input ends: the kernel holds the other end, and let go of it only by dying. */
async function endOfKernel(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGTERM', resolve)
  process.stdin.once('end', resolve).once('close', resolve).resume()
  await promise
  process.stdin.removeAllListeners().destroy()
}

async function endPlugin(
  server: ServiceServer,
  secrets: PluginSecrets,
  close: () => Promise<void>,
): Promise<void> {
  // What still holds the process then has no right to: the failure that nobody catches ends it.
  setTimeout(() => {
    throw new Error('The plugin did not end in time')
  }, graceMs + 500).unref()
  await server.close(graceMs)
  await close()
  secrets.close()
}
