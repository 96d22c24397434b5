/** Tests of probe-report.ts, on what ffprobe prints. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProbeReport } from './probe-report.ts'

const video = {
  index: 1,
  codec_type: 'video',
  codec_name: 'hevc',
  width: 1920,
  height: 1080,
  pix_fmt: 'yuv420p10le',
  color_transfer: 'smpte2084',
  time_base: '1/90000',
  avg_frame_rate: '30000/1001',
  nb_frames: '300',
  disposition: { default: 1, attached_pic: 0 },
  side_data_list: [{ side_data_type: 'x' }, { rotation: -90 }],
}
const cover = {
  index: 0,
  codec_type: 'video',
  codec_name: 'mjpeg',
  width: 64,
  height: 64,
  time_base: '1/90000',
  disposition: { default: 1, attached_pic: 1 },
}
const sound = {
  index: 2,
  codec_type: 'audio',
  codec_name: 'aac',
  sample_fmt: 'fltp',
  sample_rate: '44100',
  channels: 2,
  time_base: '1/44100',
  tags: { language: 'fra' },
}
const mute = { index: 3, codec_type: 'audio', codec_name: 'ac4', sample_rate: '48000', channels: 2 }
const format = { format_name: 'mov,mp4', duration: '10.5', size: '1234' }

test('parseProbeReport() describes the video as it is displayed and the audio that can be decoded', () => {
  const report = parseProbeReport(JSON.stringify({ streams: [cover, video, sound, mute], format }))
  assert.deepEqual(report, {
    timeBase: { num: 1, den: 90_000 },
    announcedFrames: 300,
    facts: {
      format: 'mov,mp4',
      durationSeconds: 10.5,
      sizeBytes: 1234,
      video: {
        streamIndex: 1,
        codec: 'hevc',
        width: 1080,
        height: 1920,
        pixelFormat: 'yuv420p10le',
        rotation: -90,
        timeBase: { num: 1, den: 90_000 },
        averageFps: 30_000 / 1001,
        isHdr: true,
      },
      audio: [{ streamIndex: 2, codec: 'aac', sampleRateHz: 44_100, channels: 2, language: 'fra' }],
    },
    warnings: ['Audio track 3 (ac4) cannot be decoded and was left out.'],
  })
})

test('parseProbeReport() does not take an attached picture for a video', () => {
  const { facts, timeBase } = parseProbeReport(JSON.stringify({ streams: [cover, sound], format }))
  assert.equal(facts.video, undefined)
  assert.deepEqual(timeBase, { num: 1, den: 44_100 })
})

test('parseProbeReport() prefers the default video', () => {
  const first = { ...video, index: 0, disposition: { default: 0, attached_pic: 0 } }
  const { facts } = parseProbeReport(JSON.stringify({ streams: [first, video], format }))
  assert.equal(facts.video?.streamIndex, 1)
})

test('parseProbeReport() does not call 8-bit pictures HDR, whatever their tag says', () => {
  const tagged = { ...video, pix_fmt: 'yuv420p' }
  const { facts } = parseProbeReport(JSON.stringify({ streams: [tagged], format }))
  assert.equal(facts.video?.isHdr, false)
})

test('parseProbeReport() takes an empty report for a source without streams', () => {
  assert.deepEqual(parseProbeReport('{}').facts, { format: '', durationSeconds: 0, audio: [] })
})
