/** Tests of manifests: what is taken, and how each mistake is named. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../log.ts'
import { openPluginHost } from './host.ts'
import { parseManifest, readManifest } from './manifest.ts'

const whole = `
[plugin]
id = "storage-s3"
type = "storage"
version = "1.0.0"
protocol_version = "1"
supported_kernel_versions = ["1.0.0", "^1.2.0"]
main = "plugin"

[capabilities]
storage_type = "s3"

[config_schema]
type = "object"
required = ["endpoint"]

[config_schema.properties.endpoint]
type = "string"

[permissions]
net = ["*.amazonaws.com", "localhost:9000", "\${endpoint}"]
env = ["AWS_REGION"]

[limits]
memory_mb = 256
`

test('parseManifest() reads every part', () => {
  const manifest = parseManifest(whole, '1.3.0')
  assert.equal(manifest.id, 'storage-s3')
  assert.equal(manifest.main, 'plugin')
  assert.deepEqual(manifest.permissions, {
    net: ['*.amazonaws.com', 'localhost:9000', '${endpoint}'],
    read: [],
    write: [],
    env: ['AWS_REGION'],
    run: [],
  })
  assert.deepEqual(manifest.limits, { memoryMb: 256 })
  assert.deepEqual(manifest.capabilities, { storage_type: 's3' })
})

test('parseManifest() names the entry that is wrong', () => {
  const cases: [string, string, string, RegExp][] = [
    ['id = "storage-s3"', '', 'plugin.id', /must be string/],
    ['id = "storage-s3"', 'id = "../up"', 'plugin.id', /lower-case letters/],
    ['type = "storage"', 'type = "disk"', 'plugin.type', /"auth"\|"storage"/],
    ['version = "1.0.0"', 'version = "one"', 'plugin.version', /semantic version/],
    [
      'protocol_version = "1"',
      'protocol_version = "2"',
      'plugin.protocol_version',
      /must be "1", found "2"/,
    ],
    ['"1.0.0", "^1.2.0"', '"2.x"', 'plugin.supported_kernel_versions', /1\.3\.0, found "2\.x"/],
    ['"1.0.0", "^1.2.0"', '"latest"', 'plugin.supported_kernel_versions.0', /a range/],
    ['main = "plugin"', 'main = "/bin/sh"', 'plugin.main', /in the folder/],
    ['main = "plugin"', 'main = "a/../../sh"', 'plugin.main', /in the folder/],
    ['main = "plugin"', 'mian = "plugin"', 'plugin.mian', /no such entry/],
    ['net = [', 'nett = [', 'permissions.nett', /no such entry/],
    ['"localhost:9000"', '"a,b"', 'permissions.net.1', /"host"/],
    ['"AWS_REGION"', '"A=B"', 'permissions.env.0', /environment variable/],
    ['type = "object"', 'type = "string"', 'config_schema', /type must be "object"/],
    ['required = ["endpoint"]', 'required = "endpoint"', 'config_schema', /JSON Schema/],
    ['memory_mb = 256', 'memory_mb = 1', 'limits.memory_mb', />=64/],
    ['[limits]', '[limits', '', /TOML: line/],
  ]
  for (const [from, to, path, message] of cases) {
    assert.ok(whole.includes(from))
    const parse = () => parseManifest(whole.replace(from, to), '1.3.0')
    assert.throws(parse, { code: 'WE-PLG-003', path, message }, to)
  }
})

test('scan() tells of every folder whether it is a plugin, or why not', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'plugins-'))
  t.after(() => rmSync(directory, { recursive: true }))
  for (const [folder, text] of [['storage-s3', whole], ['other', whole], ['empty', '']] as const) {
    mkdirSync(join(directory, folder))
    if (text !== '') writeFileSync(join(directory, folder, 'plugin.toml'), text)
  }
  const host = await openPluginHost({
    directory,
    stateDirectory: join(directory, '.state'),
    kernelVersion: '1.3.0',
    secrets: { resolve: () => Promise.reject(new Error('not asked for')) },
    log: silentLog,
  })
  const found = await host.scan()
  assert.deepEqual(found.map(({ folder }) => folder.slice(directory.length + 1)), [
    'empty',
    'other',
    'storage-s3',
  ])
  const problems = found.map((plugin) => 'problem' in plugin ? plugin.problem : 'none')
  assert.match(problems[0] ?? '', /Cannot read plugin.toml of "empty"/)
  assert.match(problems[1] ?? '', /must be the name of its folder, "other", found "storage-s3"/)
  assert.equal(problems[2], 'none')
  assert.ok(!problems.join().includes(directory))
})

test('readManifest() refuses what is no file, and does not wait for it', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'manifest-'))
  t.after(() => rmSync(root, { recursive: true }))
  const folderOf = (name: string) => {
    mkdirSync(join(root, name))
    return join(root, name)
  }
  const [endless, silent, open] = [folderOf('endless'), folderOf('silent'), folderOf('open')]
  symlinkSync('/dev/zero', join(endless, 'plugin.toml'))
  execFileSync('mkfifo', [join(silent, 'plugin.toml')])
  mkdirSync(join(open, 'plugin.toml'))
  for (const folder of [endless, silent, open]) {
    await assert.rejects(readManifest(folder, '1.0.0'), {
      code: 'WE-PLG-003',
      message: 'Cannot use this plugin: plugin.toml must be a file',
    })
  }
})

test('parseManifest() refuses a plugin that asks for the secrets of the kernel', () => {
  for (const variable of ['DATABASE_URL', 'OPENBAO_TOKEN', 'WEBENCODE_ADMIN_TOKEN']) {
    const text = whole.replace('env = ["AWS_REGION"]', `env = ["AWS_REGION", "${variable}"]`)
    assert.throws(() => parseManifest(text, '1.3.0'), {
      code: 'WE-PLG-003',
      path: 'permissions.env.1',
      message: /must not be a secret of the kernel/,
    })
  }
})
