/** Which encoder plugins run, with what, and for how long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderOutcome, EncoderRun } from '../kernel/contract/encoder.ts'
import type { WantedEncoder } from '../kernel/contract/encoder-routing.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { createLog } from '../kernel/log.ts'
import { EncoderPool, type StartedEncoder } from './encoder-pool.ts'
import { ManualClock } from './manual-clock.fixture.ts'

const finished: EncoderOutcome = { status: 'finished', stdout: '', stderr: '', wallMs: 1 }
const run: EncoderRun = {
  taskId: 't1',
  correlationId: 'c1',
  tool: 'ffmpeg',
  arguments: [],
  inputs: [],
  outputs: [],
  workingDirectory: '/',
  timeoutMs: 1000,
}

/** A pool whose plugins note their lives, and whose runs the test ends. */
function openPool() {
  const clock = new ManualClock()
  const lives: string[] = []
  const lines: string[] = []
  const ends: (() => void)[] = []
  /** Ids that do not start, or wait for it. */
  const faults = new Map<string, Promise<never>>()
  const pool = new EncoderPool({
    clock,
    log: createLog('debug', (line) => void lines.push(line)),
    async open({ id, config }): Promise<StartedEncoder> {
      await faults.get(id)
      const name = `${id} ${JSON.stringify(config)}`
      lives.push(`${name} begins`)
      return { tools: ['ffprobe'], version: '1', engine: engineOf(name) }
    },
  })
  const engineOf = (name: string): StartedEncoder['engine'] => ({
    isUp: () => true,
    getCapabilities: async () => ({
      name: 'ffmpeg',
      version: name,
      videoCodecs: ['libx264'],
      audioCodecs: [],
      gpuAccelerated: false,
      gpuType: 'none',
    }),
    run: () => new Promise((resolve) => ends.push(() => resolve(finished))),
    close: async () => void lives.push(`${name} ends`),
  })
  return { pool, clock, lives, lines, ends, faults }
}

const wanted = (id: string, facts: Partial<WantedEncoder> = {}): WantedEncoder => ({
  id,
  isEnabled: true,
  priority: 0,
  version: null,
  config: {},
  ...facts,
})
const listed = async (pool: EncoderPool) =>
  (await pool.list()).map(({ id, priority, capabilities }) => [id, priority, capabilities.version])

test('EncoderPool runs what is enabled, with its configuration, and ends what is not', async () => {
  const { pool, lives } = openPool()
  pool.follow([wanted('a', { config: { speed: 1 } }), wanted('b', { isEnabled: false })])
  assert.deepEqual(await listed(pool), [['a', 0, 'a {"speed":1}']])
  pool.follow([wanted('a', { config: { speed: 1 }, priority: 7 }), wanted('b')])
  assert.deepEqual(await listed(pool), [['a', 7, 'a {"speed":1}'], ['b', 0, 'b {}']])
  pool.follow([wanted('b')])
  assert.deepEqual(await listed(pool), [['b', 0, 'b {}']])
  await pool.close()
  assert.deepEqual(lives, [
    'a {"speed":1} begins',
    'b {} begins',
    'a {"speed":1} ends',
    'b {} ends',
  ])
})

test('EncoderPool gives new runs to a new process, and ends the old one after its last run', async () => {
  const { pool, lives, ends } = openPool()
  pool.follow([wanted('a')])
  const [old] = await pool.list()
  const running = old?.engine.run(run)
  pool.follow([wanted('a', { config: { speed: 2 } })])
  assert.deepEqual(await listed(pool), [['a', 0, 'a {"speed":2}']])
  assert.deepEqual(lives, ['a {} begins', 'a {"speed":2} begins'])
  ends.forEach((end) => end())
  assert.deepEqual(await running, finished)
  await pool.list()
  assert.equal(lives.at(-1), 'a {} ends')
})

test('EncoderPool.close() ends also what is not wanted any more and still runs', async () => {
  const { pool, lives } = openPool()
  pool.follow([wanted('a')])
  const [old] = await pool.list()
  void old?.engine.run(run)
  pool.follow([])
  await pool.close()
  pool.follow([wanted('b')])
  assert.deepEqual([await listed(pool), lives], [[], ['a {} begins', 'a {} ends']])
})

test('EncoderPool leaves out what does not start, tries it again half a minute later, and warns once', async () => {
  const { pool, clock, lines, faults } = openPool()
  faults.set('a', Promise.reject(new WebEncodeError('WE-PLG-001', 'PLUGIN_DIR has it not')))
  const levels = () => lines.map((line) => (JSON.parse(line) as { level: string }).level)
  const look = async () => {
    pool.follow([wanted('a'), wanted('b')])
    return (await listed(pool)).map(([id]) => id)
  }
  assert.deepEqual(await look(), ['b'])
  await clock.advance(29_999)
  assert.deepEqual([await look(), levels()], [['b'], ['warn']])
  await clock.advance(1)
  assert.deepEqual([await look(), levels()], [['b'], ['warn', 'debug']])
  faults.delete('a')
  await clock.advance(30_000)
  assert.deepEqual(await look(), ['a', 'b'])
})

test('EncoderPool.list() waits for one that starts, until its signal says otherwise', async () => {
  const { pool, faults } = openPool()
  const { promise, reject } = Promise.withResolvers<never>()
  faults.set('a', promise)
  pool.follow([wanted('a'), wanted('b')])
  const stop = new AbortController()
  const waiting = pool.list(stop.signal)
  stop.abort()
  assert.deepEqual((await waiting).map(({ id }) => id).filter((id) => id === 'a'), [])
  reject(new WebEncodeError('WE-PLG-004', 'It does not shake hands'))
  assert.deepEqual((await pool.list()).map(({ id }) => id), ['b'])
})
