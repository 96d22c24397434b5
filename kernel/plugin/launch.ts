/** Brings one plugin up: secrets, process, handshake, connection, first health check. */
import { join } from 'node:path'
import type { SecretResolver } from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import { createCertificate, type OwnCertificate } from './certificate.ts'
import { connectPlugin } from './client.ts'
import { securityFrom } from './credentials.ts'
import { handshakeVariables, parseHandshake, variableNames } from './handshake.ts'
import { createInstance, type HostedPlugin } from './instance.ts'
import type { ProcessNotes } from './leftovers.ts'
import { createLogBook, type LogBook } from './log-book.ts'
import { type PluginProcess, startProcess } from './process.ts'
import { sandboxedCommand, type SandboxOptions } from './sandbox.ts'
import {
  createGivenSecrets,
  listReferences,
  type SecretBroker,
  serveSecrets,
} from './secret-broker.ts'

export interface Launch extends Omit<SandboxOptions, 'variables'> {
  readonly secrets: SecretResolver
  readonly notes: ProcessNotes
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly startTimeoutMs: number
  /** Gives the start up. */
  readonly signal: AbortSignal
}

/** Starts the plugin. @throws WE-PLG-004 when it does not shake hands and say that it serves in time */
export async function launchPlugin(launch: Launch): Promise<HostedPlugin> {
  const given = createGivenSecrets()
  const logs = createLogBook(launch.now, given.redact)
  const own = createCertificate(launch.now())
  const socket = join(launch.runDirectory, 'secrets.sock')
  const broker = await serveSecrets({
    plugin: launch.manifest.id,
    socket,
    references: listReferences(launch.config),
    secrets: launch.secrets,
    given,
    logs,
  })
  try {
    const command = sandboxedCommand({ ...launch, variables: variablesOf(launch, socket, own) })
    const process = await startProcess(launch.manifest.id, command, launch.folder, logs)
    return await shakeHands({ launch, process, logs, redact: given.redact, own, broker })
  } catch (failure) {
    broker.close()
    throw failure
  }
}

interface Started {
  readonly launch: Launch
  readonly process: PluginProcess
  readonly logs: LogBook
  readonly redact: (text: string) => string
  readonly own: OwnCertificate
  readonly broker: SecretBroker
}

async function shakeHands(
  { launch, process, logs, redact, own, broker }: Started,
): Promise<HostedPlugin> {
  const { manifest, notes, now, startTimeoutMs, signal } = launch
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)])
  void process.exited.then(() => broker.close())
  try {
    await notes.write(manifest.id, process.pid, launch.runDirectory)
    const line = await beforeAbort(process.firstLine, inTime, () => lateFailure(launch, logs))
    if (line === undefined) throw endedFailure(launch, logs)
    const handshake = parseHandshake(manifest.id, line)
    const { credentials, options } = securityFrom(manifest.id, handshake, own)
    const connection = connectPlugin(handshake.target, credentials, options)
    const instance = createInstance({ manifest, process, connection, logs, redact, now })
    await instance.ping({ signal: inTime, timeoutMs: startTimeoutMs }).catch((failure: unknown) => {
      throw inTime.aborted ? lateFailure(launch, logs) : failure
    })
    return instance
  } catch (failure) {
    await process.stop(0)
    await notes.remove(process.pid)
    throw failure
  }
}

function variablesOf(
  { manifest, config, runDirectory }: Launch,
  secretsSocket: string,
  { certificate }: OwnCertificate,
): Record<string, string> {
  return {
    ...handshakeVariables(runDirectory, certificate),
    [variableNames.config]: JSON.stringify(config),
    [variableNames.id]: manifest.id,
    [variableNames.version]: manifest.version,
    [variableNames.pillar]: manifest.type,
    [variableNames.secretsSocket]: secretsSocket,
  }
}

async function beforeAbort<T>(
  waiting: Promise<T>,
  signal: AbortSignal,
  failure: () => WebEncodeError,
): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(failure())
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([waiting, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function lateFailure({ manifest, startTimeoutMs, signal }: Launch, logs: LogBook): WebEncodeError {
  const sentence = signal.aborted
    ? 'the kernel is stopping'
    : `it must shake hands within ${startTimeoutMs} ms, and did not${lastWords(logs)}`
  return new WebEncodeError('WE-PLG-004', `Cannot start plugin "${manifest.id}": ${sentence}`)
}

function endedFailure({ manifest }: Launch, logs: LogBook): WebEncodeError {
  return new WebEncodeError(
    'WE-PLG-004',
    `Cannot start plugin "${manifest.id}": it must print a handshake, and ended before${
      lastWords(logs)
    }`,
  )
}

/** The line that names the reason: runtimes print it before the stack. */
function lastWords(logs: LogBook): string {
  const lines = logs.lines().filter(({ message }) => !/^\s*(at |\^|\||$)/.test(message))
  const last =
    lines.findLast(({ message }) => /^\W*(\w*error|uncaught|panic|fatal)\b/i.test(message)) ??
      lines.at(-1)
  return last === undefined ? '' : `. Its last words: ${last.message.slice(0, 300)}`
}
