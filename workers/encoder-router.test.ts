/** Which encoder gets which run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderCapabilities, EncoderEngine, EncoderRun } from '../kernel/contract/encoder.ts'
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
  return { engine, runs }
}

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

test('createEncoderRouter() gives a run to the first encoder that has its codec', async () => {
  const [plain, other] = [
    noting('1', { videoCodecs: ['libx264'] }),
    noting('2', { videoCodecs: ['libx264', 'libsvtav1'] }),
  ]
  const router = createEncoderRouter([plain.engine, other.engine], silentLog)
  await router.run(run('probe'))
  await router.run(run('h264', 'libx264'))
  await router.run(run('av1', 'libsvtav1'))
  await router.run(run('unknown', 'libx999'))
  assert.deepEqual([plain.runs, other.runs], [['probe', 'h264', 'unknown'], ['av1']])
})

test('createEncoderRouter() prefers a GPU for the codec of a GPU, and only for that', async () => {
  const [plain, fast] = [
    noting('1', { videoCodecs: ['libx264', 'hevc_nvenc'] }),
    noting('2', gpu),
  ]
  const router = createEncoderRouter([plain.engine, fast.engine], silentLog)
  await router.run(run('hevc', 'hevc_nvenc'))
  await router.run(run('h264', 'libx264'))
  assert.deepEqual([plain.runs, fast.runs], [['h264'], ['hevc']])
})

test('createEncoderRouter() passes over an encoder that is out, not one that failed', async () => {
  const crashed = new WebEncodeError('WE-PLG-004', 'Cannot run: the plugin is gone')
  const out = noting('1', { videoCodecs: ['libx264'] }, crashed)
  const broken = noting('2', { videoCodecs: ['libx265'] }, new Error('disk'))
  const good = noting('3', { videoCodecs: ['libx264', 'libx265'] })
  const router = createEncoderRouter([out.engine, broken.engine, good.engine], silentLog)
  assert.equal((await router.run(run('a', 'libx264'))).stdout, '3')
  await assert.rejects(router.run(run('b', 'libx265')), /disk/)
  const alone = createEncoderRouter([out.engine, broken.engine], silentLog)
  await assert.rejects(alone.run(run('c', 'libx264')), { code: 'WE-PLG-004' })
})

test('createEncoderRouter() can do what its encoders can together, even while one is gone', async () => {
  const router = createEncoderRouter(
    [noting('1', { videoCodecs: ['libx264'] }).engine, noting('2', gpu).engine],
    silentLog,
  )
  const { version, videoCodecs, gpuType } = await router.getCapabilities()
  assert.deepEqual([version, videoCodecs, gpuType], ['1', ['libx264', 'hevc_nvenc'], 'nvidia'])
  const gone = noting('0', {}).engine
  gone.getCapabilities = () => Promise.reject(new Error('gone'))
  const rest = createEncoderRouter([gone, noting('2', gpu).engine], silentLog)
  assert.equal((await rest.getCapabilities()).version, '2')
})

test('createEncoderRouter() closes all, needs at least one, and is that one when it is alone', async () => {
  const [one, two] = [noting('1', {}), noting('2', {})]
  await createEncoderRouter([one.engine, two.engine], silentLog).close()
  assert.deepEqual([one.runs, two.runs], [['close'], ['close']])
  assert.equal(createEncoderRouter([one.engine], silentLog), one.engine)
  assert.throws(() => createEncoderRouter([], silentLog), RangeError)
})
