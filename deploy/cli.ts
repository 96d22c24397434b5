#!/usr/bin/env node
/** The command line: encode a file, look after workers, write plugins, or look after the users of a box. */
import { parseArgs } from 'node:util'
import { encode, type EncodeResult } from './cli/encode.ts'
import { commandWorker, isWorkerVerb, listWorkers, makeJoinToken } from './cli/worker.ts'
import { newPlugin, tryPlugin } from './cli/plugin.ts'
import { createLink, openUserDesk, parseRole } from './cli/user.ts'
import { webEncodeErrorFrom } from '../kernel/errors.ts'

const usage = `webencode encode FILE --out DIR [--profile 720p_h264] [--overrides JSON] [--json]
                 [--server URL --token TOKEN]
webencode user add NAME --role viewer|operator|admin [--password PASSWORD] [--json]
webencode user role NAME --role viewer|operator|admin [--json]
webencode user remove NAME
webencode user list [--json]
                 [--server URL --token TOKEN]
webencode link [NAME]          a new one-time sign-in link
webencode worker list [--json]
webencode worker drain|undrain|restart|remove ID [--json]
webencode worker token [--expires SECONDS] [--json]       lets one more worker join
                 [--server URL --token TOKEN]
webencode plugin new DIR --pillar auth|storage|encoder|live|publisher
webencode plugin check DIR [--config JSON]      tries any plugin against its contract

Without --server, encode runs the whole product inside the command, for this one file.
The worker commands ask the server (default http://127.0.0.1:8080) with the token, or with
WEBENCODE_ADMIN_TOKEN. The user commands ask the server that --server names, which writes its audit;
without it they work on the data folder (WEBENCODE_DATA_DIR, default ./data). So does link.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`

const options = {
  out: { type: 'string' },
  profile: { type: 'string', default: '720p_h264' },
  overrides: { type: 'string' },
  server: { type: 'string' },
  token: { type: 'string' },
  expires: { type: 'string' },
  role: { type: 'string' },
  password: { type: 'string' },
  pillar: { type: 'string', default: 'storage' },
  config: { type: 'string', default: '{}' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** A mistake in the words of the command. */
class UsageError extends Error {}

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args)
    const [command, ...rest] = positionals
    if (values.help || command === 'help') return print(usage)
    if (command === 'encode') return await runEncode(rest, values)
    if (command === 'user') return await runUser(rest, values)
    if (command === 'worker') return await runWorker(rest, values)
    if (command === 'plugin') return await runPlugin(rest, values)
    if (command === 'link') return print(await createLink(process.env, rest[0] ?? 'admin'))
    throw new UsageError(
      command === undefined ? 'a command is missing' : `there is no command "${command}"`,
    )
  } catch (failure) {
    return explain(failure)
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (failure) {
    throw new UsageError(failure instanceof Error ? failure.message : String(failure))
  }
}

type Values = ReturnType<typeof parse>['values']

async function runEncode([file, ...more]: string[], values: Values): Promise<number> {
  if (file === undefined || more.length > 0) throw new UsageError('encode takes one file')
  if (values.out === undefined) throw new UsageError('encode needs --out DIR')
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error('interrupted')))
  }
  const result = await encode({
    file,
    profile: values.profile,
    out: values.out,
    env: process.env,
    signal: interrupted.signal,
    ...(values.overrides === undefined
      ? {}
      : { overrides: parseJson(values.overrides, '--overrides') }),
    ...(values.server === undefined ? {} : { server: values.server }),
    ...(values.token === undefined ? {} : { token: values.token }),
  }).catch((failure: unknown) => {
    if (interrupted.signal.aborted) return undefined
    throw failure
  })
  return result === undefined ? 130 : report(result, values.json)
}

async function runUser([verb, name]: string[], values: Values): Promise<number> {
  const { server, token, password, json } = values
  const desk = openUserDesk({ env: process.env, server, token })
  if (verb === 'list') return show(await desk.list(), json)
  if (name === undefined) throw new UsageError(`user ${verb ?? ''} needs a name`)
  if (verb === 'add') {
    const user = { username: name, role: parseRole(values.role ?? 'viewer') }
    return show(await desk.add(password === undefined ? user : { ...user, password }), json)
  }
  if (verb === 'role') {
    if (values.role === undefined) throw new UsageError('user role needs --role')
    return show(await desk.setRole(name, parseRole(values.role)), json)
  }
  if (verb !== 'remove') throw new UsageError(`there is no command "user ${verb ?? ''}"`)
  await desk.remove(name)
  return 0
}

async function runWorker([verb, id, ...more]: string[], values: Values): Promise<number> {
  const { server, token, json } = values
  const target = { env: process.env, server, token }
  if (more.length > 0) throw new UsageError(`worker ${verb} takes one ID`)
  if (verb === 'list') return print(await listWorkers(target, json))
  if (verb === 'token') return print(await makeJoinToken(target, values.expires, json))
  if (!isWorkerVerb(verb)) throw new UsageError(`there is no command "worker ${verb ?? ''}"`)
  if (id === undefined) throw new UsageError(`worker ${verb} needs an ID`)
  return print(await commandWorker(target, verb, id, json))
}

async function runPlugin([verb, folder, ...more]: string[], values: Values): Promise<number> {
  if (verb !== 'new' && verb !== 'check') {
    throw new UsageError(`there is no command "plugin ${verb ?? ''}"`)
  }
  if (folder === undefined || more.length > 0) throw new UsageError(`plugin ${verb} takes one DIR`)
  if (verb === 'new') return print(await newPlugin(folder, values.pillar))
  const config = parseJson(values.config, '--config')
  return await tryPlugin({ folder, config, env: process.env, say: print }) ? 0 : 1
}

function report({ job, files }: EncodeResult, asJson: boolean): number {
  if (asJson) print(JSON.stringify({ job, files }, null, 2))
  else for (const { path, sizeBytes } of files) print(`${path}  ${(sizeBytes / 1e6).toFixed(1)} MB`)
  if (job.status === 'completed') return 0
  console.error(`${job.status}: ${job.error?.code ?? ''} ${job.error?.message ?? ''}`)
  return 1
}

function show(value: unknown, asJson: boolean): number {
  if (asJson || typeof value !== 'object') return print(JSON.stringify(value, null, 2))
  for (const row of Array.isArray(value) ? value : [value]) {
    print(Object.values(row as object).join('  '))
  }
  return 0
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${option} must be JSON`)
  }
}

function explain(failure: unknown): number {
  if (failure instanceof UsageError) {
    console.error(`webencode: ${failure.message}\n\n${usage}`)
    return 2
  }
  const { code, message } = webEncodeErrorFrom(failure)
  console.error(`webencode: ${code} ${message}`)
  return 1
}

function print(text: string): 0 {
  console.log(text)
  return 0
}
