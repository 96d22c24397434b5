/** The encoder of a worker: FFmpeg, and the encoder plugins of `PLUGIN_DIR` for what FFmpeg lacks. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '../../kernel/config.ts'
import type { EncoderRun } from '../../kernel/contract/encoder.ts'
import type { WebEncodeError } from '../../kernel/errors.ts'
import { createLog } from '../../kernel/log.ts'
import { detectFfmpeg } from '../../plugins/encoder-ffmpeg/detect.ts'
import { chooseEncoder } from './encoder.ts'

const skip = await detectFfmpeg() === undefined && 'no ffmpeg in PATH'

const secrets = { resolve: () => Promise.reject(new Error('none')) }

const manifest = `[plugin]
id = "encoder-second"
type = "encoder"
version = "1.0.0"
protocol_version = "1"
supported_kernel_versions = ["*"]
`
const program = `import { definePlugin } from 'webencode/plugin'

await definePlugin({
  pillar: 'encoder',
  implement: () => ({
    getCapabilities: () => Promise.resolve({
      name: 'ffmpeg',
      version: 'second',
      videoCodecs: ['libx264', 'libsecond'],
      audioCodecs: [],
      gpuAccelerated: false,
      gpuType: 'none',
    }),
    run: ({ videoCodec }) => Promise.resolve({
      status: 'finished',
      stdout: 'second made ' + videoCodec,
      stderr: '',
      wallMs: 1,
    }),
    close: () => Promise.resolve(),
  }),
})
`

test('chooseEncoder() routes a run to the plugin that has its codec, and all else to FFmpeg', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'encoder-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  for (const [name, text] of [['encoder-second', manifest], ['broken', 'not = a [manifest']]) {
    mkdirSync(join(directory, 'plugins', name!), { recursive: true })
    writeFileSync(join(directory, 'plugins', name!, 'plugin.toml'), text!)
  }
  writeFileSync(join(directory, 'plugins', 'encoder-second', 'main.ts'), program)
  const config = readConfig({
    WEBENCODE_DATA_DIR: join(directory, 'data'),
    PLUGIN_DIR: join(directory, 'plugins'),
  })
  const lines: string[] = []
  const encoder = await chooseEncoder(config, createLog('warn', (line) => lines.push(line)), {
    secrets,
  })
  t.after(() => encoder.close())
  const run = (videoCodec?: string): EncoderRun => ({
    taskId: 't1',
    correlationId: 'c1',
    tool: 'ffprobe',
    arguments: ['-version'],
    inputs: [],
    outputs: [],
    workingDirectory: directory,
    timeoutMs: 20_000,
    ...(videoCodec !== undefined && { videoCodec }),
  })
  const { version, videoCodecs } = await encoder.getCapabilities()
  assert.notEqual(version, 'second')
  assert.ok(videoCodecs.includes('libsecond'))
  assert.equal((await encoder.run(run('libsecond'))).stdout, 'second made libsecond')
  assert.match((await encoder.run(run('libx264'))).stdout, /^ffprobe version/)
  assert.match((await encoder.run(run())).stdout, /^ffprobe version/)
  assert.ok(lines.some((line) => line.includes('cannot be used') && line.includes('broken')))
})

test('chooseEncoder() follows what the kernel wants: version, and whether at all', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'encoder-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const plugins = join(directory, 'plugins')
  const uploaded = join(plugins, '.versions', 'encoder-second@1.1.0', 'encoder-second')
  for (
    const [folder, version] of [[join(plugins, 'encoder-second'), '1.0.0'], [uploaded, '1.1.0']]
  ) {
    mkdirSync(folder!, { recursive: true })
    writeFileSync(join(folder!, 'plugin.toml'), manifest.replace('1.0.0', version!))
    writeFileSync(join(folder!, 'main.ts'), program.replaceAll('second made', `${version} made`))
  }
  const wanted = { id: 'encoder-second', isEnabled: true, priority: 1, config: {} }
  const routing = (version: string | null) => ({ rules: [], plugins: [{ ...wanted, version }] })
  const encoder = await chooseEncoder(
    readConfig({ WEBENCODE_DATA_DIR: join(directory, 'data'), PLUGIN_DIR: plugins }),
    createLog('error', () => {}),
    { secrets, routing: routing('1.1.0') },
  )
  t.after(() => encoder.close())
  const made = async () => {
    const order = {
      taskId: 't1',
      correlationId: 'c1',
      tool: 'ffprobe',
      inputs: [],
      outputs: [],
    } as const
    const { stdout } = await encoder.run({
      ...order,
      arguments: ['-version'],
      workingDirectory: directory,
      timeoutMs: 20_000,
      videoCodec: 'libx264',
    })
    return stdout.split(' ')[0]
  }
  assert.equal(await made(), '1.1.0')
  encoder.follow(routing('1.2.0'))
  assert.equal(await made(), '1.0.0', 'a version that is not here')
  encoder.follow({ rules: [], plugins: [] })
  assert.equal(await made(), 'ffprobe')
})

test('chooseEncoder() refuses an ffprobe that does not run, by name', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'encoder-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const settings = {
    WEBENCODE_DATA_DIR: join(directory, 'data'),
    WEBENCODE_ENCODER: 'ffmpeg',
    FFPROBE_PATH: join(directory, 'missing-ffprobe'),
  }
  await assert.rejects(
    chooseEncoder(readConfig(settings), createLog('error', () => {}), { secrets }),
    ({ code, message, cause }: WebEncodeError) =>
      code === 'WE-PLG-001' && message.includes('missing-ffprobe') &&
      /must run/.test(String(cause)),
  )
})
