/** Tests of verify.ts: what is wrong with a final file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { findProfile } from '../../kernel/profiles.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { resultProblem } from './verify.ts'

const video = { streamIndex: 0, codec: 'h264', width: 64, height: 64, rotation: 0, isHdr: false }
const sound = { streamIndex: 1, codec: 'aac', sampleRateHz: 48_000, channels: 2 }

function briefOf(profile = findProfile('480p_fast')): TaskBrief {
  const source = {
    format: 'mov',
    durationSeconds: 10,
    video: { ...video, timeBase: { num: 1, den: 25 } },
    audio: [sound],
  }
  const plan = {
    source,
    firstTick: 0,
    firstSeconds: 0,
    totalFrames: 250,
    durationSeconds: 10,
    threads: 1,
    warnings: [],
  }
  return {
    taskId: 'job.verify.00000',
    jobId: 'job',
    index: 0,
    attempt: 1,
    leaseToken: 'lease',
    leaseMs: 1000,
    correlationId: 'c',
    profile,
    source: { url: 'in.mp4', name: 'in.mp4' },
    params: { kind: 'verify' },
    plan,
    inputs: [],
    outputPrefix: 'p',
    fleetSlots: 1,
    timeoutMs: 1000,
  }
}

function trackOf(type: string, count: number, den: number, duration = 1, first = 0): PacketTrack {
  const packets = Array.from({ length: count }, (_, index) => {
    const pts = first + index * duration
    return { dts: pts, pts, duration, sizeBytes: 10, checksum: '0x1' }
  })
  return { type, timeBase: { num: 1, den }, packets }
}

const pictures = trackOf('video', 250, 25)
const priming = trackOf('audio', 470, 48_000, 1024, -1024)

test('resultProblem() accepts what was planned', () => {
  assert.equal(resultProblem([pictures, priming], briefOf()), undefined)
})

test('resultProblem() names what is missing, too much or out of place', () => {
  const cases: [PacketTrack[], RegExp][] = [
    [[pictures], /0 audio tracks instead of 1/],
    [[priming], /it has no video/],
    [[trackOf('video', 249, 25), priming], /249 frames instead of 250/],
    [[trackOf('video', 250, 50), priming], /lasts 5\.00 s instead of 10\.00 s/],
    [[trackOf('video', 250, 20), priming], /lasts 12\.50 s instead of 10\.00 s/],
    [
      [pictures, trackOf('audio', 470, 48_000, 1024, 9600)],
      /audio begins 0\.200 s after the video/,
    ],
    [[pictures, trackOf('audio', 0, 48_000)], /an audio track is empty/],
    [[pictures, trackOf('audio', 600, 48_000, 1024)], /longer than the source/],
    [[{ ...pictures, packets: pictures.packets.toReversed() }, priming], /does not rise/],
  ]
  for (const [tracks, message] of cases) {
    assert.match(resultProblem(tracks, briefOf()) ?? '', message)
  }
})

test('resultProblem() lets a copy keep frames that the source hides, but lose none', () => {
  const brief = briefOf(findProfile('source_copy'))
  assert.equal(resultProblem([trackOf('video', 260, 25), priming], brief), undefined)
  assert.match(
    resultProblem([trackOf('video', 240, 25), priming], brief) ?? '',
    /240 frames instead/,
  )
})
