/** Tests of packet-checks.ts: every fault has its sentence. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChunkRange } from '../../kernel/contract/media.ts'
import {
  chunkProblem,
  joinedProblem,
  orderProblem,
  readBackProblem,
  timingDigest,
} from './packet-checks.ts'
import type { PacketTrack } from './packet-list.ts'

const source = { num: 1, den: 1000 }
const ticks = [0, 40, 90, 120]

function trackOf(shown: readonly number[], timeBase = source): PacketTrack {
  const packets = shown.map((pts, index) => ({
    dts: (shown[0] ?? 0) - 100 + index,
    pts,
    duration: 40,
    sizeBytes: 100 + index,
    checksum: `0x${index}`,
  }))
  return { timeBase, type: 'video', packets }
}

function rangeOf(startTick: number, shown: readonly number[], index = 0): ChunkRange {
  const timing = timingDigest(shown)
  return {
    index,
    startTick,
    endTick: null,
    seekSeconds: null,
    frames: shown.length,
    durationSeconds: 1,
    timing,
  }
}

describe('chunkProblem()', () => {
  test('accepts frames at their times, in whatever clock and order they are stored', () => {
    assert.equal(chunkProblem(trackOf(ticks), rangeOf(500, ticks), source), undefined)
    const finer = trackOf([0, 120, 40, 90].map((tick) => tick * 90), { num: 1, den: 90_000 })
    assert.equal(chunkProblem(finer, rangeOf(500, ticks), source), undefined)
  })

  test('refuses a frame too few, and one at another time', () => {
    assert.match(
      chunkProblem(trackOf([0, 40, 90]), rangeOf(0, ticks), source) ?? '',
      /3 frames instead of 4/,
    )
    const late = trackOf([0, 41, 90, 120])
    assert.match(chunkProblem(late, rangeOf(0, ticks), source) ?? '', /not shown at the times/)
  })
})

describe('joinedProblem()', () => {
  const ranges = [rangeOf(500, ticks), rangeOf(700, [700, 740], 1)]

  test('accepts chunks at their places', () => {
    assert.equal(joinedProblem(trackOf([...ticks, 200, 240]), ranges, source), undefined)
  })

  test('refuses a chunk that drifted, and one that lost a frame', () => {
    assert.match(joinedProblem(trackOf([...ticks, 160, 200]), ranges, source) ?? '', /^chunk 1 /)
    assert.match(
      joinedProblem(trackOf([...ticks, 200]), ranges, source) ?? '',
      /5 frames instead of 6/,
    )
    assert.match(joinedProblem(trackOf([...ticks, 200, 241]), ranges, source) ?? '', /^chunk 1 /)
  })
})

test('orderProblem() refuses times that stand still, repeat or contradict', () => {
  const packet = (dts: number, pts: number) => ({
    dts,
    pts,
    duration: 1,
    sizeBytes: 1,
    checksum: '',
  })
  assert.equal(orderProblem([packet(0, 1), packet(1, 3), packet(2, 2)]), undefined)
  assert.match(orderProblem([packet(0, 1), packet(0, 2)]) ?? '', /does not rise/)
  assert.match(orderProblem([packet(0, 3), packet(1, 3)]) ?? '', /same time/)
  assert.match(orderProblem([packet(5, 3)]) ?? '', /before it is decoded/)
})

describe('readBackProblem()', () => {
  const exact = { clockSeconds: 0, syncSeconds: 0 }
  const video = trackOf(ticks)
  const sound = { ...trackOf([-20, 20, 60]), type: 'audio' }
  const shifted = (track: PacketTrack, by: number): PacketTrack => ({
    ...track,
    packets: track.packets.map((packet) => ({ ...packet, pts: packet.pts + by })),
  })

  test('accepts the same packets, also when all tracks are shifted alike', () => {
    assert.equal(readBackProblem([video, sound], [video, sound], exact), undefined)
    const both = [shifted(video, 21), shifted(sound, 21)]
    assert.equal(readBackProblem([video, sound], both, exact), undefined)
  })

  test('refuses a missing track, a missing packet and a changed byte', () => {
    assert.match(readBackProblem([video, sound], [video], exact) ?? '', /1 tracks instead of 2/)
    const short = { ...video, packets: video.packets.slice(1) }
    assert.match(readBackProblem([video], [short], exact) ?? '', /3 packets instead of 4/)
    const changed = video.packets.with(2, { ...video.packets[2]!, checksum: '0xff' })
    assert.match(
      readBackProblem([video], [{ ...video, packets: changed }], exact) ?? '',
      /packet 2 is not the one that was made/,
    )
  })

  test('refuses tracks that moved against one another by more than the container does', () => {
    const out = [video, shifted(sound, 7)]
    assert.match(readBackProblem([video, sound], out, exact) ?? '', /out of sync \(audio track 1\)/)
    const loose = { clockSeconds: 0.001, syncSeconds: 0.008 }
    assert.equal(readBackProblem([video, sound], out, loose), undefined)
  })

  test('refuses a packet at another time by more than the clock rounds', () => {
    const moved = video.packets.with(1, { ...video.packets[1]!, pts: 42 })
    const problem = readBackProblem([video], [{ ...video, packets: moved }], {
      clockSeconds: 0.001,
      syncSeconds: 0,
    })
    assert.match(problem ?? '', /packet 1 is shown at another time/)
  })
})

test('timingDigest() sees every tick and no offset', () => {
  assert.equal(timingDigest([5, 10, 20]), timingDigest([0, 5, 15]))
  assert.notEqual(timingDigest([0, 5, 15]), timingDigest([0, 5, 16]))
  assert.match(timingDigest([]), /^[0-9a-f]{16}$/)
})
