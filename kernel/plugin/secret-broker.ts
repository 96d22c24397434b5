/** Gives one plugin instance the secrets that its own configuration names, and no others, over a Unix socket of its own. */
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { promisify } from 'node:util'
import type { SecretResolver } from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import type { LogBook } from './log-book.ts'
import { implementationFrom } from './serve.ts'
import { definitionOf, serviceOf } from './services.ts'
import { channelOptions } from './wire.ts'

/** Longest secret, in characters: a key or a certificate, no file. */
const maxSecretLength = 64 * 1024
/** Shorter ones would black out ordinary words in the log. */
const shortestRedacted = 6
/** Secrets that are remembered for redaction. */
const maxRemembered = 200

/** Serves secrets. */
export interface SecretBroker {
  close(): void
}

/** Secrets that were given to a plugin, to be kept out of its log. */
export interface GivenSecrets {
  add(value: string): void
  redact(text: string): string
}

/** Remembers what to keep out. */
export function createGivenSecrets(): GivenSecrets {
  const values = new Set<string>()
  return {
    add(value) {
      if (value.length >= shortestRedacted && values.size < maxRemembered) values.add(value)
    },
    redact(text) {
      let clean = text
      for (const value of values) clean = clean.replaceAll(value, '[redacted]')
      return clean
    },
  }
}

/** Every reference that a configuration names: text under a key that ends in `_ref`, at any depth. */
export function listReferences(config: unknown): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (value: unknown, key: string, depth: number) => {
    if (depth > 20) return
    if (typeof value === 'string' && key.endsWith('_ref')) found.add(value)
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      visit(inner, Array.isArray(value) ? key : name, depth + 1)
    }
  }
  visit(config, '', 0)
  return found
}

/** Starts serving at `socket`. @param logs - told what is refused, and redacted of what is given */
export async function serveSecrets(options: {
  readonly plugin: string
  readonly socket: string
  readonly references: ReadonlySet<string>
  readonly secrets: SecretResolver
  readonly given: GivenSecrets
  readonly logs: Pick<LogBook, 'add'>
}): Promise<SecretBroker> {
  const service = serviceOf('secrets')
  const server = new Server(channelOptions)
  server.addService(
    definitionOf(service),
    implementationFrom(service, {
      Resolve: async (request: object) => ({
        value: await resolve(options, Reflect.get(request, 'reference')),
      }),
    }),
  )
  const bind = promisify(server.bindAsync.bind(server))
  await bind(`unix:${options.socket}`, ServerCredentials.createInsecure())
  return { close: () => server.forceShutdown() }
}

async function resolve(
  { plugin, references, secrets, given, logs }: Parameters<typeof serveSecrets>[0],
  reference: unknown,
): Promise<string> {
  if (typeof reference !== 'string' || !references.has(reference)) {
    const shown = String(reference).slice(0, 200)
    logs.add('warn', `Refused secret "${shown}": the configuration does not name it`)
    throw refusal(plugin, shown)
  }
  const value = await secrets.resolve(reference)
  if (value.length > maxSecretLength) {
    throw new WebEncodeError(
      'WE-PLG-003',
      `Cannot give secret "${reference}": it must have at most ${maxSecretLength} characters, found ${value.length}`,
    )
  }
  given.add(value)
  return value
}

function refusal(plugin: string, reference: string): WebEncodeError {
  return new WebEncodeError(
    'WE-AUTH-003',
    `Cannot give secret "${reference}" to plugin "${plugin}": its configuration must name it, and does not`,
  )
}
