/** Fit of workers and tasks, and what is said where there is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderRules, InstalledEncoder } from '../contract/encoder-routing.ts'
import type { Lane } from '../contract/task.ts'
import { createFit, type EncoderOwner } from './encoder-fit.ts'
import { waitReason } from './wait-reason.ts'

const ffmpeg = (...videoCodecs: string[]): InstalledEncoder => {
  return { id: 'encoder-ffmpeg', version: '1', videoCodecs, tools: ['ffmpeg', 'ffprobe'] }
}
const having = (...encoders: InstalledEncoder[]): EncoderOwner => {
  return { encoders: { key: JSON.stringify(encoders), encoders } }
}
const silent: EncoderOwner = { encoders: null }
const need = (lane: Lane, videoCodec: string) => ({ lane, videoCodec })
const nothingWanted: EncoderRules = { rules: [], plugins: [] }
const second = { id: 'second', isEnabled: true, priority: 0 }
const ruled: EncoderRules = {
  rules: [{ matches: 'h264', plugin_id: 'second', gpu: false, priority: 0 }],
  plugins: [second],
}

test('createFit() lets a worker that does not say what it has do anything', () => {
  const fit = createFit(ruled, [])
  assert.equal(fit(silent, need('cpu', 'libx264')), true)
  assert.equal(fit(having(ffmpeg('libx264')), need('cpu', 'libx264')), false)
})

test('createFit() gives a probe that all would refuse to anybody, unless another plugin is wanted', () => {
  const [plain, able] = [having(ffmpeg('libx264')), having(ffmpeg('libx264', 'libsvtav1'))]
  const probe = need('probe', 'libsvtav1')
  assert.equal(createFit(nothingWanted, [plain])(plain, probe), true)
  assert.equal(createFit(nothingWanted, [plain, able])(plain, probe), false)
  assert.equal(createFit(nothingWanted, [plain, silent])(plain, probe), false)
  assert.equal(createFit({ rules: [], plugins: [second] }, [plain])(plain, probe), false)
  assert.equal(createFit(nothingWanted, [plain])(plain, need('cpu', 'libsvtav1')), false)
})

test('waitReason() names what is missing: workers, a lane, the plugin of a rule, an encoder, FFmpeg', () => {
  const worker = (...encoders: InstalledEncoder[]) => {
    return { lanes: ['cpu', 'probe'], ...having(...encoders) }
  }
  const plain = worker(ffmpeg('libx264'))
  const ofPlain = (rules: EncoderRules, lane: Lane, videoCodec: string) =>
    waitReason([need('cpu', ''), need(lane, videoCodec)], [plain], rules)
  assert.equal(waitReason([need('cpu', '')], [], nothingWanted), 'No worker takes work now.')
  assert.equal(waitReason([], [], nothingWanted), null)
  assert.equal(ofPlain(nothingWanted, 'cpu', 'libx264'), null)
  assert.match(ofPlain(nothingWanted, 'gpu.nvidia', '') ?? '', /has the lane gpu\.nvidia\.$/)
  assert.match(ofPlain(ruled, 'cpu', 'libx264') ?? '', /^The rules give libx264 to second, and no/)
  assert.match(ofPlain(nothingWanted, 'cpu', 'libx265') ?? '', /encodes with libx265\.$/)
  const off = { rules: [], plugins: [{ id: 'encoder-ffmpeg', isEnabled: false, priority: 0 }] }
  assert.match(ofPlain(off, 'cpu', 'libx264') ?? '', /^encoder-ffmpeg is disabled, and no worker/)
  assert.equal(waitReason([need('cpu', 'a')], [plain, { lanes: ['cpu'], ...silent }], off), null)
})
