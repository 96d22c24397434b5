/** Tests of progress.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderProgress } from '../../kernel/contract/encoder.ts'
import { createProgressReader, progressFrom } from './progress.ts'

const firstBlock =
  'frame=0\nfps=0.00\nbitrate=N/A\nout_time_us=N/A\nspeed=   0x\nprogress=continue\n'
const lastBlock =
  'frame=48\nfps=24.5\nstream_0_0_q=28.0\nout_time_us=2000000\nout_time_ms=2000000\ndup_frames=0\nspeed=5.98e+03x\nprogress=end\n'

function read(pieces: readonly string[], expected = {}): EncoderProgress[] {
  const seen: EncoderProgress[] = []
  const reader = createProgressReader(expected, (progress) => seen.push(progress))
  for (const piece of pieces) reader(piece)
  return seen
}

test('createProgressReader() reports one value per block', () => {
  assert.deepEqual(read([firstBlock + lastBlock], { frames: 96 }), [
    { fraction: 0, frame: 0, fps: 0, speed: 0 },
    { fraction: 0.5, frame: 48, fps: 24.5, speed: 5980, outTimeSeconds: 2 },
  ])
})

test('createProgressReader() does not care how the text is cut', () => {
  const whole = read([firstBlock + lastBlock], { frames: 96 })
  assert.deepEqual(read((firstBlock + lastBlock).split(''), { frames: 96 }), whole)
})

test('createProgressReader() says nothing before a block is complete', () => {
  assert.deepEqual(read(['frame=10\nfps=3\n']), [])
})

test('progressFrom() takes the fraction from the time when there are no frames', () => {
  const block = new Map([['out_time_us', '3000000']])
  assert.deepEqual(progressFrom(block, { durationSeconds: 4 }), {
    fraction: 0.75,
    outTimeSeconds: 3,
  })
})

test('progressFrom() never exceeds 1 and never goes below 0', () => {
  const late = new Map([['frame', '120'], ['out_time_us', '-20000']])
  assert.deepEqual(progressFrom(late, { frames: 100 }), {
    fraction: 1,
    frame: 120,
    outTimeSeconds: 0,
  })
})
