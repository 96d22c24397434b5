/** Which encoder gets which run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderCapabilities, EncoderEngine, EncoderRun } from '../kernel/contract/encoder.ts'
import { builtInEncoderId, type WantedEncoder } from '../kernel/contract/encoder-routing.ts'
import type { PluginRule } from '../kernel/contract/plugin-route.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { createEncoderRouter } from './encoder-router.ts'

/** An encoder that only notes what it is given. */
function noting(version: string, facts: Partial<EncoderCapabilities>, failure?: Error) {
  const runs: string[] = []
  const engine: EncoderEngine = {
    getCapabilities: async () => ({
      name: 'ffmpeg',
      version,
      videoCodecs: [],
      audioCodecs: ['aac'],
      gpuAccelerated: false,
      gpuType: 'none',
      ...facts,
    }),
    async run({ taskId }) {
      runs.push(taskId)
      if (failure !== undefined) throw failure
      return { status: 'finished', stdout: version, stderr: '', wallMs: 1 }
    },
    close: async () => void runs.push('close'),
  }
  return { engine, runs, isUp: true }
}
type Noting = ReturnType<typeof noting>

function run(taskId: string, videoCodec?: string): EncoderRun {
  return {
    taskId,
    correlationId: 'c1',
    tool: 'ffmpeg',
    arguments: [],
    inputs: [],
    outputs: [],
    workingDirectory: '/',
    timeoutMs: 1000,
    ...(videoCodec !== undefined && { videoCodec }),
  }
}

const gpu = {
  videoCodecs: ['libx264', 'hevc_nvenc'],
  gpuAccelerated: true,
  gpuType: 'nvidia',
} as const

/** Encoders as the pool would have them, and what it is told to open. */
function poolOf(plugins: Readonly<Record<string, Noting>>, tools: readonly string[] = []) {
  const told: string[][] = []
  let wanted: readonly WantedEncoder[] = []
  const pool = {
    follow(next: readonly WantedEncoder[]) {
      wanted = next.filter(({ isEnabled }) => isEnabled)
      told.push(wanted.map(({ id }) => id))
    },
    list: async () =>
      await Promise.all(
        wanted.flatMap(({ id, priority }) => {
          const found = plugins[id]
          return found === undefined ? [] : [openFrom(id, priority, found)]
        }),
      ),
    peek: () => undefined,
    isOut: () => false,
    close: async () => void told.push(['close']),
  }
  const openFrom = async (id: string, priority: number, { engine, isUp }: Noting) => ({
    id,
    priority,
    tools,
    capabilities: await engine.getCapabilities(),
    engine: { run: engine.run, isUp: () => isUp },
  })
  return { pool, told }
}

const wanted = (id: string, facts: Partial<WantedEncoder> = {}): WantedEncoder => ({
  id,
  isEnabled: true,
  priority: 0,
  version: null,
  config: {},
  ...facts,
})
const rule = (matches: string, plugin_id: string, facts: Partial<PluginRule> = {}) => ({
  matches,
  plugin_id,
  gpu: false,
  priority: 0,
  ...facts,
})

/** A router of the built-in encoder and these plugins, all of them wanted. */
async function routerOf(
  main: Noting,
  plugins: Readonly<Record<string, Noting>>,
  { rules = [], wants = Object.keys(plugins).map((id) => wanted(id)), tools = [] }: {
    readonly rules?: readonly PluginRule[]
    readonly wants?: readonly WantedEncoder[]
    readonly tools?: readonly string[]
  } = {},
) {
  const { pool, told } = poolOf(plugins, tools)
  const routing = { rules: [...rules], plugins: [...wants] }
  const router = await createEncoderRouter({ main: main.engine, pool, routing, log: silentLog })
  return { router, told, routing }
}

const both = { videoCodecs: ['libx264', 'libx265'] }

test('createEncoderRouter() gives a run to an encoder that has its codec, the built-in one first', async () => {
  const main = noting('1', { videoCodecs: ['libx264'] })
  const other = noting('2', { videoCodecs: ['libx264', 'libsvtav1'] })
  const { router } = await routerOf(main, { 'a-other': other })
  await router.run(run('probe'))
  await router.run(run('h264', 'libx264'))
  await router.run(run('av1', 'libsvtav1'))
  await router.run(run('unknown', 'libx999'))
  assert.deepEqual([main.runs, other.runs], [['probe', 'h264', 'unknown'], ['av1']])
})

test('createEncoderRouter() follows rules by encoder and by codec, and never to one that lacks it', async () => {
  const [main, a, b] = [
    noting('0', { videoCodecs: ['libx264', 'libx265', 'libsvtav1'] }),
    noting('a', both),
    noting('b', both),
  ]
  const rules = [rule('h264', 'a'), rule('libx265', 'b'), rule('av1', 'a')]
  const { router } = await routerOf(main, { a, b }, { rules })
  for (const codec of ['libx264', 'libx265', 'libsvtav1']) await router.run(run(codec, codec))
  assert.deepEqual([main.runs, a.runs, b.runs], [['libsvtav1'], ['libx264'], ['libx265']])
})

test('createEncoderRouter() takes the higher priority, of the plugin and of its rule', async () => {
  const [main, a, b] = [noting('0', both), noting('a', both), noting('b', both)]
  const wants = [wanted('a', { priority: 5 }), wanted('b', { priority: 6 })]
  const { router, routing } = await routerOf(main, { a, b }, { wants })
  await router.run(run('1', 'libx264'))
  const rules = [rule('libx264', 'a', { priority: 2 }), rule('libx264', 'b', { priority: 1 })]
  router.follow({ ...routing, rules })
  await router.run(run('2', 'libx264'))
  router.follow({ ...routing, rules: [rule('*', builtInEncoderId)] })
  await router.run(run('3', 'libx264'))
  assert.deepEqual([main.runs, a.runs, b.runs], [['3'], ['2'], ['1']])
})

test('createEncoderRouter() prefers a GPU for the codec of a GPU, and only for that', async () => {
  const plain = noting('1', { videoCodecs: ['libx264', 'hevc_nvenc'] })
  const fast = noting('2', gpu)
  const { router, routing } = await routerOf(plain, { fast })
  await router.run(run('hevc', 'hevc_nvenc'))
  await router.run(run('h264', 'libx264'))
  router.follow({ ...routing, rules: [rule('h264', 'fast', { gpu: true })] })
  await router.run(run('cpu', 'libx264'))
  assert.deepEqual([plain.runs, fast.runs], [['h264', 'cpu'], ['hevc']])
})

test('createEncoderRouter() passes over an encoder that is out, not one that failed', async () => {
  const crashed = new WebEncodeError('WE-PLG-004', 'Cannot run: the plugin is gone')
  const out = noting('1', { videoCodecs: ['libx264'] }, crashed)
  const broken = noting('2', { videoCodecs: ['libx265'] }, new Error('disk'))
  const good = noting('3', both)
  const { router } = await routerOf(out, { a: broken, b: good })
  assert.equal((await router.run(run('a', 'libx264'))).stdout, '3')
  await assert.rejects(router.run(run('b', 'libx265')), /disk/)
  const { router: alone } = await routerOf(out, { a: broken })
  await assert.rejects(alone.run(run('c', 'libx264')), { code: 'WE-PLG-004' })
})

test('createEncoderRouter() asks one whose process is gone last', async () => {
  const [main, gone] = [noting('0', both), { ...noting('a', both), isUp: false }]
  const { router } = await routerOf(main, { gone }, { rules: [rule('*', 'gone')] })
  await router.run(run('1', 'libx264'))
  assert.deepEqual([main.runs, gone.runs], [['1'], []])
})

test('createEncoderRouter() uses nothing that is disabled, and says so when nobody is left', async () => {
  const [main, a] = [noting('0', both), noting('a', { videoCodecs: ['libx264'] })]
  const off = wanted(builtInEncoderId, { isEnabled: false })
  const { router, told } = await routerOf(main, { a }, { wants: [off, wanted('a')] })
  assert.deepEqual(told, [['a']], 'the built-in one is no plugin to open')
  await router.run(run('1', 'libx264'))
  await assert.rejects(router.run(run('2', 'libx265')), { code: 'WE-PLG-002' })
  await assert.rejects(router.run(run('3')), { code: 'WE-PLG-002' })
  assert.deepEqual((await router.getCapabilities()).videoCodecs, ['libx264'])
  assert.deepEqual((await router.getInstalled()).videoCodecs, both.videoCodecs)
  router.follow({ rules: [], plugins: [off] })
  await assert.rejects(router.getCapabilities(), { code: 'WE-PLG-002' })
  router.follow({ rules: [], plugins: [] })
  await router.run(run('4', 'libx264'))
  assert.deepEqual([main.runs, a.runs], [['4'], ['1']])
})

test('createEncoderRouter() gives probes to a plugin that names the tool, when the built-in one cannot', async () => {
  const crashed = new WebEncodeError('WE-PLG-004', 'Cannot run: the plugin is gone')
  const [main, a] = [noting('0', both, crashed), noting('a', both)]
  const { router, routing } = await routerOf(main, { a }, { tools: ['ffprobe'] })
  const probe = (id: string) => router.run({ ...run(id), tool: 'ffprobe' })
  assert.equal((await probe('1')).stdout, 'a')
  const off = wanted(builtInEncoderId, { isEnabled: false })
  router.follow({ ...routing, plugins: [...routing.plugins, off] })
  assert.equal((await probe('2')).stdout, 'a')
  assert.deepEqual(main.runs, ['1'])
  await assert.rejects(router.run(run('3')), { code: 'WE-PLG-002' })
})

test('createEncoderRouter() can do what its encoders can together, and closes all', async () => {
  const main = noting('1', { videoCodecs: ['libx264'] })
  const { router, told } = await routerOf(main, { fast: noting('2', gpu) })
  const { version, videoCodecs, gpuType } = await router.getCapabilities()
  assert.deepEqual([version, videoCodecs, gpuType], ['1', ['libx264', 'hevc_nvenc'], 'nvidia'])
  await router.close()
  assert.deepEqual([main.runs, told.at(-1)], [['close'], ['close']])
})
