/** Tests of the command that a plugin becomes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { PluginManifest, PluginPermissions } from '../contract/plugin.ts'
import { grantedPermissions } from './permissions.ts'
import { sandboxedCommand } from './sandbox.ts'

const nothing: PluginPermissions = { net: [], read: [], write: [], env: [], run: [] }

function manifestOf(main: string, permissions: Partial<PluginPermissions>): PluginManifest {
  return {
    id: 'p',
    type: 'storage',
    version: '1.0.0',
    protocolVersion: '1',
    supportedKernelVersions: ['*'],
    main,
    isolation: 'sandbox',
    capabilities: {},
    configSchema: { type: 'object' },
    permissions: { ...nothing, ...permissions },
    limits: { memoryMb: 100 },
  }
}

function commandOf(
  t: TestContext,
  main: string,
  permissions: Partial<PluginPermissions>,
  found = main,
) {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, found), '')
  const command = sandboxedCommand({
    folder,
    manifest: manifestOf(main, permissions),
    config: { root: '/srv/media', endpoint: 'https://s3.example.com/path' },
    runDirectory: '/run/p',
    variables: { WEBENCODE_PLUGIN_ID: 'p', WEBENCODE_SECRETS_SOCKET: '/run/p/secrets.sock' },
    kernelEnvironment: { PATH: '/bin', DATABASE_URL: 'secret', AWS_REGION: 'eu', TZ: 'UTC' },
    denoDirectory: '/state/deno',
    deno: '/bin/deno',
  })
  return { folder, ...command }
}

test('sandboxedCommand() gives Deno exactly what the manifest asks for', (t) => {
  const { folder, file, arguments: args, environment } = commandOf(t, 'main.ts', {
    net: ['${endpoint}', 'localhost:9000'],
    read: ['${root}', 'data'],
    env: ['AWS_REGION'],
  })
  assert.equal(file, '/bin/deno')
  const valueOf = (name: string) =>
    args.find((text) => text.startsWith(`--allow-${name}`))?.split('=')[1]?.split(',')
  assert.deepEqual(valueOf('net'), [
    'unix:/run/p/plugin.sock',
    'unix:/run/p/secrets.sock',
    's3.example.com:443',
    'localhost:9000',
  ])
  const isProto = (path: string) => path.endsWith('/kernel/plugin/proto')
  const read = valueOf('read') ?? []
  assert.ok(read.some(isProto))
  assert.deepEqual(read.filter((path) => !isProto(path)), [
    folder,
    '/run/p',
    '/srv/media',
    join(folder, 'data'),
  ])
  assert.deepEqual(valueOf('write'), ['/run/p'])
  assert.ok(valueOf('env')?.includes('AWS_REGION'))
  assert.equal(valueOf('run'), undefined)
  assert.ok(args.includes('--v8-flags=--max-old-space-size=100'))
  assert.equal(environment['DATABASE_URL'], undefined)
  assert.equal(environment['AWS_REGION'], 'eu')
  assert.equal(environment['HOME'], '/run/p')
})

test('sandboxedCommand() runs main.js where main.ts was compiled, and programs as they are', (t) => {
  const compiled = commandOf(t, 'main.ts', {}, 'main.js')
  assert.equal(compiled.arguments.at(-1), join(compiled.folder, 'main.js'))
  const program = commandOf(t, 'plugin', {})
  assert.deepEqual([program.file, program.arguments], [join(program.folder, 'plugin'), []])
  assert.equal(program.isSandboxed, false)
  assert.throws(() => commandOf(t, 'plugin', {}, 'other'), {
    code: 'WE-PLG-003',
    message: /its folder must hold "plugin"/,
  })
})

test('grantedPermissions() lets no setting smuggle in another permission', () => {
  const permissions = { ...nothing, read: ['${root}'], net: ['${hosts}'] }
  const grant = (config: Record<string, unknown>) => grantedPermissions(permissions, '/p', config)
  assert.throws(() => grant({ root: '/a,/etc' }), { code: 'WE-PLG-003', path: 'root' })
  assert.deepEqual(grant({ hosts: ['a:1', 7, '', 'ldap://b'] }).net, ['a:1', 'b:389'])
  assert.deepEqual(grant({}).read, [])
})

test('sandboxedCommand() runs a script that asks for no wall by the runtime of the kernel', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'main.js'), '')
  const { file, arguments: args, environment, isSandboxed } = sandboxedCommand({
    folder,
    manifest: { ...manifestOf('main.ts', {}), isolation: 'process' },
    config: {},
    runDirectory: '/run/p',
    variables: {},
    kernelEnvironment: { PATH: '/bin', DATABASE_URL: 'secret' },
    denoDirectory: '/state/deno',
  })
  assert.equal(file, process.execPath)
  assert.equal(args.at(-1), join(folder, 'main.js'))
  assert.ok(args.some((text) => text.endsWith('--max-old-space-size=100')))
  assert.equal(isSandboxed, false)
  assert.equal('DATABASE_URL' in environment, false)
})
