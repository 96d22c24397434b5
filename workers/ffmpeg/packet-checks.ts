/** Pure checks of packet lists. Each answers a sentence that says what is wrong, or undefined. */
import { createHash } from 'node:crypto'
import type { ChunkRange } from '../../kernel/contract/media.ts'
import type { MadePacket, PacketTrack, TimeBase } from './packet-list.ts'
import { secondsFrom, startSecondsOf } from './packet-list.ts'

/** Exact, but for the arithmetic of floating point. */
const exactSeconds = 1e-9

/** Digits of a timing digest: 64 bits are plenty to tell a wrong list from a right one. */
const digestDigits = 16

/**
 * A digest of when frames are shown, in whole ticks after the first: two lists have the same digest exactly
 * when every time stamp is the same.
 * @param shown - ticks in order
 */
export function timingDigest(shown: readonly number[]): string {
  const hash = createHash('sha256')
  const first = shown[0] ?? 0
  for (const tick of shown) hash.update(`${tick - first}\n`)
  return hash.digest('hex').slice(0, digestDigits)
}

/** Whether a chunk holds exactly the frames of its range, each at its time. */
export function chunkProblem(
  { packets, timeBase }: PacketTrack,
  range: ChunkRange,
  sourceTimeBase: TimeBase,
): string | undefined {
  if (packets.length !== range.frames) {
    return `it holds ${packets.length} frames instead of ${range.frames}`
  }
  const problem = orderProblem(packets)
  if (problem !== undefined || range.timing === undefined) return problem
  const found = timingDigest(sourceTicks(packets, timeBase, sourceTimeBase))
  return found === range.timing ? undefined : 'its frames are not shown at the times of the source'
}

/** Whether the joined video holds the frames of every range, each at its time after the seam. */
export function joinedProblem(
  { packets, timeBase }: PacketTrack,
  ranges: readonly ChunkRange[],
  sourceTimeBase: TimeBase,
): string | undefined {
  const frames = ranges.reduce((sum, range) => sum + range.frames, 0)
  if (packets.length !== frames) return `it holds ${packets.length} frames instead of ${frames}`
  const problem = orderProblem(packets)
  if (problem !== undefined) return problem
  const shown = sourceTicks(packets, timeBase, sourceTimeBase)
  const origin = ranges[0]?.startTick ?? 0
  let at = 0
  for (const range of ranges) {
    const part = shown.slice(at, at += range.frames)
    const isInPlace = part[0] === undefined || part[0] === range.startTick - origin
    if (!isInPlace || (range.timing !== undefined && timingDigest(part) !== range.timing)) {
      return `chunk ${range.index} is not shown at the times of the source`
    }
  }
  return undefined
}

/** Whether decoding times rise strictly, and no two frames are shown at the same time. */
export function orderProblem(packets: readonly MadePacket[]): string | undefined {
  const shown = new Set<number>()
  let last = -Infinity
  for (const [index, { dts, pts }] of packets.entries()) {
    if (dts <= last) return `the decoding time of packet ${index} does not rise`
    if (pts < dts) return `packet ${index} is shown before it is decoded`
    if (shown.has(pts)) return `two packets are shown at the same time, the second is ${index}`
    shown.add(pts)
    last = dts
  }
  return undefined
}

/** What a container may do to times, in seconds. */
export interface TimeTolerance {
  /** Its clock rounds every time by up to this. */
  readonly clockSeconds: number
  /** It moves one track against another by up to this. */
  readonly syncSeconds: number
}

/**
 * Whether a file holds the packets that were made: the same bytes, in the same order, at the same times.
 * Containers that begin at 0 shift all tracks alike, so times count from the start of the first track.
 */
export function readBackProblem(
  made: readonly PacketTrack[],
  read: readonly PacketTrack[],
  tolerance: TimeTolerance,
): string | undefined {
  if (made.length !== read.length) return `it has ${read.length} tracks instead of ${made.length}`
  const shift = shiftOf(made[0], read[0])
  for (const [index, track] of made.entries()) {
    const other = read[index]
    const problem = other && trackProblem(track, other, shift, tolerance)
    if (problem !== undefined) return `${problem} (${track.type} track ${index})`
  }
  return undefined
}

function trackProblem(
  made: PacketTrack,
  read: PacketTrack,
  shift: number,
  { clockSeconds, syncSeconds }: TimeTolerance,
): string | undefined {
  if (made.packets.length !== read.packets.length) {
    return `it holds ${read.packets.length} packets instead of ${made.packets.length}`
  }
  const ownShift = shiftOf(made, read)
  if (Math.abs(ownShift - shift) > syncSeconds + exactSeconds) return 'it is out of sync'
  for (const [index, packet] of made.packets.entries()) {
    const other = read.packets[index]
    if (other?.sizeBytes !== packet.sizeBytes || other.checksum !== packet.checksum) {
      return `packet ${index} is not the one that was made`
    }
    const error = secondsFrom(other.pts, read.timeBase) - secondsFrom(packet.pts, made.timeBase)
    if (Math.abs(error - ownShift) > clockSeconds + exactSeconds) {
      return `packet ${index} is shown at another time`
    }
  }
  return undefined
}

function shiftOf(made: PacketTrack | undefined, read: PacketTrack | undefined): number {
  return startSecondsOf(read) - startSecondsOf(made)
}

/** The times at which packets are shown, in order, in ticks of the source. */
function sourceTicks(
  packets: readonly MadePacket[],
  own: TimeBase,
  source: TimeBase,
): number[] {
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b)
  const factor = (own.num * source.den) / (own.den * source.num)
  return shown.map((tick) => Math.round((tick - (shown[0] ?? 0)) * factor))
}
