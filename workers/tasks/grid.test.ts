/** Tests of grid.ts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SourceFacts } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import { findProfile } from '../../kernel/profiles.ts'
import type { SourcePacket } from '../ffmpeg/packet-list.ts'
import { gridFrom } from './grid.ts'

const profile = findProfile('720p_h264')

function factsOf(format = 'mov,mp4', den = 25): SourceFacts {
  const video = {
    streamIndex: 0,
    codec: 'h264',
    width: 640,
    height: 360,
    rotation: 0,
    isHdr: false,
  }
  return { format, durationSeconds: 0, audio: [], video: { ...video, timeBase: { num: 1, den } } }
}

/** Packets at 25 frames a second, with a keyframe every second. */
function packetsOf(frames: number, first = 0): SourcePacket[] {
  return Array.from({ length: frames }, (_, index) => ({
    pts: first + index,
    duration: 1,
    isKey: index % 25 === 0,
    isDiscarded: false,
  }))
}

function grid(
  packets: readonly SourcePacket[],
  fleetSlots: number,
  over: Partial<Profile> = {},
  format?: string,
) {
  const found = gridFrom({
    facts: factsOf(format),
    packets,
    fleetSlots,
    profile: { ...profile, ...over },
  })
  assert.ok(found)
  return found
}

describe('gridFrom()', () => {
  test('covers every frame once, in chunks that meet', () => {
    const { chunks, totalFrames, durationSeconds } = grid(packetsOf(1613, 7), 3)
    assert.equal(totalFrames, 1613)
    assert.equal(durationSeconds, 64.52)
    assert.equal(chunks.reduce((sum, chunk) => sum + chunk.frames, 0), 1613)
    for (const [index, chunk] of chunks.entries()) {
      assert.equal(chunk.index, index)
      assert.equal(chunk.endTick, chunks[index + 1]?.startTick ?? null)
      assert.equal(chunk.durationSeconds, chunk.frames / 25)
    }
  })

  test('is one chunk with one thread on one slot', () => {
    const { chunks, threads, firstTick, firstSeconds } = grid(packetsOf(1500, 50), 1)
    const [chunk] = chunks
    assert.deepEqual({ ...chunk, timing: '' }, {
      index: 0,
      startTick: 50,
      endTick: null,
      seekSeconds: null,
      frames: 1500,
      durationSeconds: 60,
      timing: '',
    })
    assert.deepEqual([chunks.length, threads, firstTick, firstSeconds], [1, 1, 50, 2])
  })

  test('is one chunk with all threads for an average bit rate on several slots', () => {
    const rateControl = { mode: 'abr', bitrateBps: 1_000_000 } as const
    const { chunks, threads } = grid(packetsOf(1500), 4, {
      video: { ...profile.video, rateControl },
    })
    assert.deepEqual([chunks.length, threads], [1, 0])
  })

  test('seeks to the keyframe at or before the border, to one earlier without an index', () => {
    const mp4 = grid(packetsOf(1000), 2).chunks
    assert.deepEqual(mp4.map((chunk) => chunk.seekSeconds), [null, 14, 22, 28, 34])
    const ts = grid(packetsOf(1000), 2, {}, 'mpegts').chunks
    assert.deepEqual(ts.map((chunk) => chunk.seekSeconds), [null, 13, 21, 27, 33])
  })

  test('decodes from the start where no keyframe lies before the one it needs', () => {
    const packets = packetsOf(1000).map((packet, index) => ({ ...packet, isKey: index === 0 }))
    assert.deepEqual(grid(packets, 2).chunks.map((chunk) => chunk.seekSeconds), [null, 0, 0, 0, 0])
    const ts = grid(packets, 2, {}, 'mpegts').chunks
    assert.ok(ts.every((chunk) => chunk.seekSeconds === null))
  })

  test('does not count frames that are discarded or come before the first keyframe', () => {
    const packets = packetsOf(300).map((packet, index) => ({
      ...packet,
      isKey: index === 10,
      isDiscarded: index === 11,
    }))
    const { totalFrames, firstTick, chunks } = grid(packets, 1)
    assert.deepEqual([totalFrames, firstTick, chunks[0]?.frames], [289, 10, 289])
  })

  test('takes a discarded keyframe as a place to seek to, not as a frame', () => {
    const packets = packetsOf(100).map((packet) => ({
      ...packet,
      isDiscarded: (packet.pts ?? 0) < 5,
    }))
    const { totalFrames, firstTick } = grid(packets, 1)
    assert.deepEqual([totalFrames, firstTick], [95, 5])
  })

  test('skips empty chunks when frames are far apart', () => {
    const packets = [0, 25, 2500, 2525].map((pts) => ({ pts, isKey: true, isDiscarded: false }))
    const { chunks } = grid(packets, 2)
    assert.deepEqual(chunks.map(({ startTick, frames }) => [startTick, frames]), [[0, 2], [
      2500,
      2,
    ]])
  })

  test('orders frames by when they are shown', () => {
    const order = [0, 3, 1, 2].map((pts) => ({
      pts,
      duration: 1,
      isKey: pts === 0,
      isDiscarded: false,
    }))
    const sorted = [0, 1, 2, 3].map((pts) => ({
      pts,
      duration: 1,
      isKey: pts === 0,
      isDiscarded: false,
    }))
    assert.deepEqual(grid(order, 1), grid(sorted, 1))
  })

  test('gives no digest to frames that share a time', () => {
    const packets = [0, 1, 1, 2].map((pts) => ({
      pts,
      duration: 1,
      isKey: pts === 0,
      isDiscarded: false,
    }))
    assert.equal(grid(packets, 1).chunks[0]?.timing, undefined)
  })

  test('is undefined when nothing can be shown', () => {
    const hidden = packetsOf(10).map((packet) => ({ ...packet, isDiscarded: true }))
    const input = { facts: factsOf(), fleetSlots: 1, profile }
    assert.equal(gridFrom({ ...input, packets: hidden }), undefined)
    assert.equal(gridFrom({ ...input, packets: [] }), undefined)
  })
})
