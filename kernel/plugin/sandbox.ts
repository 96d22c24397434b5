/** The command that runs a plugin: under Deno with exactly its permissions, or as a plain program with a clean environment. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginManifest, PluginPermissions } from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import { variableNames } from './handshake.ts'
import { grantedPermissions } from './permissions.ts'
import { socketName } from './protocol.ts'
import { protoDirectory } from './services.ts'

/** What is run. */
export interface SandboxedCommand {
  readonly file: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly isSandboxed: boolean
}

/** What the command is made of. */
export interface SandboxOptions {
  readonly folder: string
  readonly manifest: PluginManifest
  readonly config: Readonly<Record<string, unknown>>
  /** Own folder of this start: its sockets and its HOME are there. */
  readonly runDirectory: string
  /** Of the handshake, the configuration and the secrets. */
  readonly variables: Readonly<Record<string, string>>
  /** The kernel's own environment: the plugin gets what its manifest names, and PATH. */
  readonly kernelEnvironment: Readonly<Record<string, string | undefined>>
  /** Where Deno keeps what it compiled; the plugin itself cannot reach it. */
  readonly denoDirectory: string
  /** @default the one that npm installed, else the one in PATH */
  readonly deno?: string
}

/** Of this kernel and, where it was compiled, of the sources beside it: a plugin among those brings their kernel along. */
const protoDirectories = [
  protoDirectory,
  protoDirectory.replace(/[/\\]dist(?=[/\\]kernel[/\\]plugin[/\\]proto$)/, ''),
]

/** Imports that a plugin anywhere may write. */
const importNames = {
  'webencode/plugin': './sdk',
  'webencode/errors': '../errors',
  'webencode/outbound': '../outbound',
} as const
/** What grpc-js, Deno's Node layer and the AWS SDK ask for by name. A name is allowed, which is not a value. */
const libraryVariables = [
  'GRPC_*',
  'NODE_*',
  'AWS_*',
  'SMITHY_*',
  '_X_AMZN_*',
  'HOME',
  'HOMEPATH',
  'HOMEDRIVE',
  'USERPROFILE',
  'TMPDIR',
]

/** The command. @throws WE-PLG-003 when its program is missing */
export function sandboxedCommand(options: SandboxOptions): SandboxedCommand {
  const { manifest, folder, config } = options
  const main = findMain(folder, manifest)
  const environment = environmentFrom(options)
  if (!/^\.[cm]?[jt]s$/.test(extname(main))) {
    return { file: main, arguments: [], environment, isSandboxed: false }
  }
  const deno = options.deno ?? findDeno()
  if (manifest.isolation === 'process') {
    const program = isDeno ? deno : process.execPath
    const run = [
      ...(isDeno ? openDenoArguments(manifest) : [memoryFlag(manifest), smallYoungSpace]),
      main,
    ]
    return { file: program, arguments: run, environment, isSandboxed: false }
  }
  const granted = grantedPermissions(manifest.permissions, folder, config)
  return {
    file: deno,
    arguments: denoArguments(options, granted, main),
    environment: {
      ...environment,
      NO_COLOR: '1',
      DENO_NO_UPDATE_CHECK: '1',
      DENO_DIR: options.denoDirectory,
    },
    isSandboxed: true,
  }
}

function denoArguments(
  { manifest, folder, runDirectory, variables }: SandboxOptions,
  { net, read, write, env, run }: PluginPermissions,
  main: string,
): string[] {
  const sockets = Object.entries(variables)
    .filter(([name]) => name === variableNames.secretsSocket)
    .map(([, path]) => `unix:${path}`)
  const listening = `unix:${join(runDirectory, socketName)}`
  return [
    'run',
    '--no-prompt',
    '--no-remote',
    '--no-lock',
    '--no-check',
    '--quiet',
    '--node-modules-dir=manual',
    `--import-map=${importMap()}`,
    `--v8-flags=${memoryFlag(manifest)}`,
    net.includes('*') ? '--allow-net' : allow('net', [listening, ...sockets, ...net]),
    allow('read', [folder, runDirectory, ...protoDirectories, ...read]),
    allow('write', [runDirectory, ...write]),
    // To start a program is to hand the environment on, all of it: it holds nothing that the plugin may not know.
    ...(run.length > 0
      ? ['--allow-env', allow('run', run)]
      : [allow('env', [...libraryVariables, ...Object.keys(variables), ...env])]),
    main,
  ]
}

const isDeno = basename(process.execPath) === 'deno'

/** For a script that runs without the sandbox where the kernel itself runs on Deno. */
function openDenoArguments(manifest: PluginManifest): string[] {
  const flags = ['--no-prompt', '--no-lock', '--no-check', '--quiet', '--node-modules-dir=manual']
  return ['run', '--allow-all', ...flags, `--v8-flags=${memoryFlag(manifest)}`]
}

/** Saves 10 MB of a process that keeps little. */
const smallYoungSpace = '--max-semi-space-size=1'

function memoryFlag({ limits }: PluginManifest): string {
  return `--max-old-space-size=${limits?.memoryMb ?? presetMemoryMb}`
}

/** Memory where the manifest says nothing, in MiB. */
const presetMemoryMb = 512

function allow(what: string, entries: readonly string[]): string {
  return `--allow-${what}=${[...new Set(entries)].join(',')}`
}

/** A new import map for every start would cost a file; a data URL does as well. */
function importMap(): string {
  const extension = extname(fileURLToPath(import.meta.url))
  const imports = Object.entries(importNames).map(([name, path]) => [
    name,
    new URL(path + extension, import.meta.url).href,
  ])
  return `data:application/json,${
    encodeURIComponent(JSON.stringify({ imports: Object.fromEntries(imports) }))
  }`
}

/** A clean environment: nothing of the kernel's but what the manifest names. */
function environmentFrom(
  { manifest, runDirectory, variables, kernelEnvironment }: SandboxOptions,
): Record<string, string> {
  const named = ['PATH', 'TZ', ...manifest.permissions.env].flatMap((name) => {
    const value = kernelEnvironment[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    LANG: 'C.UTF-8',
    HOME: runDirectory,
    TMPDIR: runDirectory,
    ...Object.fromEntries(named),
    ...variables,
  }
}

/** The program; where sources were compiled, `main.ts` is `main.js`. */
function findMain(folder: string, manifest: PluginManifest): string {
  const path = join(folder, manifest.main)
  const compiled = path.replace(/\.ts$/, '.js')
  for (const candidate of [path, compiled]) if (existsSync(candidate)) return candidate
  throw new WebEncodeError(
    'WE-PLG-003',
    `Cannot start plugin "${manifest.id}": its folder must hold "${manifest.main}", and does not`,
    { path: 'plugin.main' },
  )
}

/** Deno itself, not the script in front of it that npm installs: signals must reach it. */
function findDeno(): string {
  if (isDeno) return process.execPath
  const require = createRequire(import.meta.url)
  const installed = join(dirname(require.resolve('deno/package.json')), 'deno')
  return existsSync(installed) ? installed : 'deno'
}
