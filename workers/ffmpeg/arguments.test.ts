/** Tests of arguments.ts and check-arguments.ts: whole command lines. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChunkRange } from '../../kernel/contract/media.ts'
import {
  audioArguments,
  audioCopyArguments,
  chunkArguments,
  concatList,
  normalizeArguments,
  packetArguments,
  probeArguments,
  remuxArguments,
  stitchArguments,
  trialArguments,
} from './arguments.ts'
import { inspectArguments, readBackArguments } from './check-arguments.ts'

const formats =
  'mov,matroska,mpegts,mpeg,mpegvideo,flv,live_flv,avi,asf,mxf,ogg,nut,ivf,rm,wtv,gxf,dv,' +
  'wav,w64,mp3,aac,flac,ac3,eac3,dts,aiff,caf,amr,ape,wv,gif,apng,h264,hevc,av1,obu,m4v,yuv4mpegpipe'
const range: ChunkRange = {
  index: 1,
  startTick: 122_880,
  endTick: 245_760,
  seekSeconds: 8.3333333333,
  frames: 240,
  durationSeconds: 10,
}
const german = { streamIndex: 1, codec: 'aac', sampleRateHz: 44_100, channels: 2, language: 'deu' }
const unnamed = { streamIndex: 3, codec: 'ac3', sampleRateHz: 48_000, channels: 6 }
const aac = { codec: 'aac', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 } as const

/** Splits a command line as one would read it. */
const words = (text: string) => text.split(/\s+/).filter(Boolean)

describe('chunkArguments()', () => {
  const order = {
    source: 'in.mp4',
    streamIndex: 0,
    range,
    filters: ['scale=1280:720'],
    encoder: ['-c:v', 'libx264'],
    ticksPerSecond: 12_288,
    packetFilter: 'h264_metadata',
    output: 'chunk.mp4',
    packetList: 'made.packets',
  }

  test('seeks before the cut and cuts by ticks', () => {
    assert.deepEqual(chunkArguments(order), [
      ...words('-y -copyts -noaccurate_seek -seek_timestamp 1 -ss 8.333334 -threads 1'),
      ...words(`-format_whitelist ${formats} -i in.mp4 -map 0:0`),
      ...words('-an -sn -dn -map_metadata -1 -map_chapters -1'),
      ...words('-vf trim=start_pts=122880:end_pts=245760,setpts=PTS-STARTPTS,scale=1280:720'),
      ...words('-fps_mode passthrough -enc_time_base -1 -c:v libx264'),
      ...words('-flags +global_header -f tee'),
      '[f=mp4:video_track_timescale=12288]chunk.mp4|[f=framecrc:bsfs/v=h264_metadata]made.packets',
    ])
  })

  test('neither seeks nor ends when the chunk is the whole video', () => {
    const whole = { ...range, index: 0, startTick: 0, endTick: null, seekSeconds: null }
    const line = chunkArguments({ ...order, range: whole })
    assert.deepEqual(line.slice(0, 4), ['-y', '-copyts', '-format_whitelist', formats])
    assert.ok(line.includes('trim=start_pts=0,setpts=PTS-STARTPTS,scale=1280:720'))
  })

  test('seeks to a keyframe time that is a whole number of microseconds as it is', () => {
    const line = chunkArguments({ ...order, range: { ...range, seekSeconds: 10.01 } })
    assert.equal(line[line.indexOf('-ss') + 1], '10.010000')
  })
})

describe('audioArguments()', () => {
  const order = {
    source: 'in.mkv',
    tracks: [german, unnamed],
    firstSeconds: 1.5,
    output: 'audio.m4a',
    sourceList: 'source.packets',
  }

  test('aligns each track in samples of its own rate and keeps its language', () => {
    assert.deepEqual(audioArguments({ ...order, settings: aac, packetList: 'made.packets' }), [
      ...words(`-y -copyts -format_whitelist ${formats} -i in.mkv -map 0:1 -map 0:3`),
      ...words('-map_metadata -1 -map_chapters -1 -metadata:s:a:0 language=deu'),
      ...words('-filter:a:0 aresample=48000:async=1:first_pts=66150,asetpts=PTS-STARTPTS'),
      ...words('-filter:a:1 aresample=48000:async=1:first_pts=72000,asetpts=PTS-STARTPTS'),
      ...words('-c:a aac -b:a 128000 -ac 2 -flags +global_header -f tee'),
      '[f=mp4]audio.m4a|[f=framecrc]made.packets',
      ...words('-map 0:1 -map 0:3 -c copy -f framecrc source.packets'),
    ])
  })

  test('audioCopyArguments() moves the tracks to time zero and changes nothing else', () => {
    assert.deepEqual(audioCopyArguments({ ...order, tracks: [german], muxer: 'mp4' }), [
      ...words(`-y -copyts -format_whitelist ${formats} -i in.mkv -map 0:1`),
      ...words('-map_metadata -1 -map_chapters -1 -metadata:s:a:0 language=deu'),
      ...words('-c copy -output_ts_offset -1.500000 -f mp4 audio.m4a'),
      ...words('-map 0:1 -c copy -f framecrc source.packets'),
    ])
  })
})

describe('stitchArguments()', () => {
  test('joins chunks and audio into an MP4 that plays from the start', () => {
    const line = stitchArguments({
      list: 'chunks.ffconcat',
      audio: 'audio.m4a',
      container: 'mp4',
      ticksPerSecond: 90_000,
      packetFilter: 'hevc_metadata',
      mp4Tag: 'hvc1',
      output: 'out.mp4',
      packetList: 'made.packets',
    })
    assert.deepEqual(line, [
      ...words('-y -copyts -f concat -safe 0 -auto_convert 0 -i chunks.ffconcat -i audio.m4a'),
      ...words('-map 0:v:0 -map 1:a -c copy -video_track_timescale 90000'),
      ...words('-movflags +faststart -tag:v hvc1 -f mp4 out.mp4'),
      ...words('-map 0:v:0 -map 1:a -c copy -bsf:v hevc_metadata -f framecrc made.packets'),
    ])
  })

  test('writes sound alone, and WebM without the options of MP4', () => {
    const line = stitchArguments({
      audio: 'audio.m4a',
      container: 'webm',
      ticksPerSecond: 1,
      output: 'out.webm',
      packetList: 'made.packets',
    })
    assert.deepEqual(line, [
      ...words('-y -copyts -i audio.m4a -map 0:a -c copy -f webm out.webm'),
      ...words('-map 0:a -c copy -f framecrc made.packets'),
    ])
  })

  test('concatList() gives every chunk but the last its exact length, and quotes names', () => {
    const text = concatList([{ path: "/a/it's 1.mp4", durationSeconds: 10.01 }, {
      path: '/a/2.mp4',
    }])
    assert.equal(
      text,
      "ffconcat version 1.0\nfile '/a/it'\\''s 1.mp4'\nduration 10.010000\nfile '/a/2.mp4'\n",
    )
  })
})

describe('remuxArguments()', () => {
  const order = {
    source: 'in.ts',
    tracks: [german],
    container: 'mp4',
    output: 'out.mp4',
    packetList: 'made.packets',
  } as const

  test('copies the video and encodes the audio', () => {
    assert.deepEqual(remuxArguments({ ...order, videoIndex: 0, audio: aac }), [
      ...words(`-y -fflags +genpts -format_whitelist ${formats} -i in.ts -map 0:0 -map 0:1`),
      ...words('-c:v copy -c:a aac -b:a 128000 -ac 2 -ar 48000'),
      ...words('-movflags +faststart -f mp4 out.mp4'),
      ...words('-map 0:0 -c copy -f framecrc made.packets'),
    ])
  })

  test('copies sound alone', () => {
    assert.deepEqual(remuxArguments({ ...order, audio: { ...aac, codec: 'copy' } }), [
      ...words(`-y -fflags +genpts -format_whitelist ${formats} -i in.ts -map 0:1`),
      ...words('-c:v copy -c:a copy -movflags +faststart -f mp4 out.mp4'),
      ...words('-map 0:1 -c copy -f framecrc made.packets'),
    ])
  })
})

describe('the arguments of the probe', () => {
  const input = words(`-format_whitelist ${formats} -i in.mp4`)

  test('probeArguments(), packetArguments(), trialArguments(), normalizeArguments()', () => {
    assert.deepEqual(probeArguments('in.mp4'), [
      ...words('-of json -show_format -show_streams'),
      ...input,
    ])
    assert.deepEqual(packetArguments('in.mp4', 2), [
      ...words('-select_streams 2 -show_entries packet=pts,duration,flags -of csv=p=0'),
      ...input,
    ])
    assert.deepEqual(trialArguments('in.mp4', [0, 2]), [
      '-y',
      ...input,
      ...words('-map 0:0 -frames:v 1 -frames:a 1 -f framecrc trial-0.packets'),
      ...words('-map 0:2 -frames:v 1 -frames:a 1 -f framecrc trial-2.packets'),
    ])
    assert.deepEqual(normalizeArguments('in.mp4', [0, 1], 'n.mkv'), [
      ...words('-y -fflags +genpts'),
      ...input,
      ...words('-map 0:0 -map 0:1 -c copy -f matroska n.mkv'),
    ])
  })
})

describe('the arguments of the checks', () => {
  const strict = words('-xerror -err_detect explode -threads 1 -skip_loop_filter all')

  test('readBackArguments() lists packets, and decodes keyframes in the same run', () => {
    const line = readBackArguments({
      file: 'c.mp4',
      packetFilter: 'h264_metadata',
      packetList: 'read.packets',
      decode: 'keyframes',
    })
    assert.deepEqual(line, [
      '-y',
      '-copyts',
      ...strict,
      ...words('-skip_frame nokey -i c.mp4 -map 0 -c copy -bsf:v h264_metadata'),
      ...words('-f framecrc read.packets -map 0 -fps_mode passthrough -f null -'),
    ])
  })

  test('readBackArguments() only lists when nothing is to be decoded', () => {
    assert.deepEqual(
      readBackArguments({ file: 'a.m4a', packetList: 'read.packets' }),
      words('-y -copyts -i a.m4a -map 0 -c copy -f framecrc read.packets'),
    )
  })

  test('inspectArguments() lists packets and decodes every stretch in one run', () => {
    const windows = [{ fromSeconds: 0, seconds: 1 }, { fromSeconds: 29, seconds: 1 }]
    assert.deepEqual(inspectArguments('o.mp4', 'read.packets', windows), [
      ...words('-y -copyts -i o.mp4'),
      ...strict,
      ...words('-t 1.000 -i o.mp4'),
      ...strict,
      ...words('-ss 29.000 -t 1.000 -i o.mp4'),
      ...words('-map 0 -c copy -f framecrc read.packets'),
      ...words('-map 1 -map 2 -fps_mode passthrough -f null -'),
    ])
    assert.deepEqual(
      inspectArguments('o.mp4', 'read.packets', []),
      words('-y -copyts -i o.mp4 -map 0 -c copy -f framecrc read.packets'),
    )
  })
})
