/** Tests of encoders.ts: one whole argument list per encoder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncodedVideo } from './encoders.ts'
import { encodedVideoOf, isSlow, videoEncoderArguments } from './encoders.ts'
import { findProfile } from '../../kernel/profiles.ts'

const capped = { mode: 'crf', crf: 23, maxrateBps: 2_000_000, bufferBits: 4_000_000 } as const
const average = { mode: 'abr', bitrateBps: 1_500_000 } as const
const picture = { fit: 'contain', pixelFormat: 'yuv420p', gopSeconds: 2 } as const
const line = (
  video: Partial<EncodedVideo> & Pick<EncodedVideo, 'codec'>,
  threads = 1,
  fps?: number,
) => videoEncoderArguments({ ...picture, ...video }, threads, fps).join(' ')

const keyframes = '-force_key_frames expr:gte(t,n_forced*2)'

test('videoEncoderArguments() for libx264: capped quality, codec profile and level', () => {
  assert.equal(
    line({
      codec: 'libx264',
      preset: 'fast',
      rateControl: capped,
      codecProfile: 'high',
      level: '4.1',
    }),
    '-c:v libx264 -preset fast -crf 23 -maxrate 2000000 -bufsize 4000000 -profile:v high ' +
      `-level:v 4.1 -pix_fmt yuv420p -sc_threshold 0 ${keyframes} -threads 1`,
  )
})

test('videoEncoderArguments() for an average bit rate, with a buffer of two seconds at its cap', () => {
  assert.equal(
    line({ codec: 'libx264', rateControl: { ...average, maxrateBps: 2_000_000 } }, 0),
    '-c:v libx264 -preset veryfast -b:v 1500000 -maxrate 2000000 -bufsize 4000000 ' +
      `-pix_fmt yuv420p -sc_threshold 0 ${keyframes} -threads 0`,
  )
})

test('videoEncoderArguments() for libx265: closed GOPs, one thread through its own parameters', () => {
  assert.equal(
    line({ codec: 'libx265', rateControl: { mode: 'crf', crf: 26 }, pixelFormat: 'yuv420p10le' }),
    `-c:v libx265 -preset medium -crf 26 -pix_fmt yuv420p10le -forced-idr 1 ${keyframes} ` +
      '-x265-params open-gop=0:scenecut=0:log-level=error:pools=none:frame-threads=1',
  )
  assert.match(line({ codec: 'libx265' }, 0), /log-level=error$/)
})

test('videoEncoderArguments() for hevc_nvenc: constant quality under a cap', () => {
  assert.equal(
    line({ codec: 'hevc_nvenc', preset: 'p4', rateControl: capped }),
    '-c:v hevc_nvenc -preset p4 -rc vbr -cq 23 -b:v 0 -maxrate 2000000 -bufsize 4000000 ' +
      `-pix_fmt yuv420p -tune hq -forced-idr 1 -no-scenecut 1 ${keyframes}`,
  )
})

test('videoEncoderArguments() for VP9 and libaom: the cap is their bit rate', () => {
  assert.equal(
    line({ codec: 'libvpx-vp9', preset: '2', rateControl: capped }),
    '-c:v libvpx-vp9 -deadline good -cpu-used 2 -crf 23 -b:v 2000000 -pix_fmt yuv420p ' +
      `${keyframes} -row-mt 1 -threads 1`,
  )
  assert.equal(
    line({ codec: 'libaom-av1', rateControl: { mode: 'crf', crf: 30 } }),
    `-c:v libaom-av1 -cpu-used 4 -crf 30 -b:v 0 -pix_fmt yuv420p ${keyframes} -row-mt 1 -threads 1`,
  )
})

test('videoEncoderArguments() for SVT-AV1: keyframes by counting frames', () => {
  assert.equal(
    line({ codec: 'libsvtav1', preset: '8', rateControl: { mode: 'crf', crf: 32 } }, 1, 29.97),
    `-c:v libsvtav1 -preset 8 -crf 32 -pix_fmt yuv420p -g 60 ${keyframes} -svtav1-params lp=1`,
  )
})

test('isSlow() tells encodes that dwarf a decode from those that do not', () => {
  assert.equal(isSlow({ ...picture, codec: 'libx264', preset: 'veryfast' }), false)
  assert.equal(isSlow({ ...picture, codec: 'libx264', preset: 'veryslow' }), true)
  assert.equal(isSlow({ ...picture, codec: 'libaom-av1' }), true)
  assert.equal(isSlow({ ...picture, codec: 'libsvtav1', preset: '12' }), false)
})

test('encodedVideoOf() is undefined for a copy', () => {
  assert.equal(encodedVideoOf(findProfile('source_copy')), undefined)
  assert.equal(encodedVideoOf(findProfile('720p_h264'))?.codec, 'libx264')
})
