/** Cuts a video into chunks: pure, from the packets of the source to the plan of the job. */
import type { ChunkRange, EncodePlan, SourceFacts } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import { timingDigest } from '../ffmpeg/packet-checks.ts'
import type { SourcePacket, TimeBase } from '../ffmpeg/packet-list.ts'
import { secondsFrom } from '../ffmpeg/packet-list.ts'

/** What the grid is laid over. */
export interface GridInput {
  readonly facts: SourceFacts
  /** Packets of the video. */
  readonly packets: readonly SourcePacket[]
  /** Slots of all workers that could take part. */
  readonly fleetSlots: number
  readonly profile: Profile
}

type Grid = Pick<
  EncodePlan,
  'firstTick' | 'firstSeconds' | 'totalFrames' | 'durationSeconds' | 'chunks' | 'threads'
>

/** Longer chunks gain nothing in quality and leave workers idle at the end. */
const longestChunkSeconds = 30
/** On one slot nothing runs side by side, so chunks only bound what a crash costs. */
const longestSingleSeconds = 600
const mostChunks = 4000
/** Four a slot: whoever is done early takes the next, so that slow passages do not leave a slot idle at the end. */
const chunksPerSlot = 4

/**
 * Lays the grid. A chunk starts at the first frame shown at or after a multiple of the chunk length, whether
 * that is a keyframe or not.
 * @returns undefined when the video has no frame that can be shown
 */
export function gridFrom({ facts, packets, fleetSlots, profile }: GridInput): Grid | undefined {
  const timeBase = facts.video?.timeBase
  const timeline = timelineFrom(packets)
  const [firstTick] = timeline.shown
  if (timeBase === undefined || firstTick === undefined) return undefined
  const durationSeconds = secondsFrom(timeline.endTick - firstTick, timeBase)
  const chunkSeconds = chunkSecondsFor(durationSeconds, fleetSlots, profile)
  const chunks = cut(timeline, {
    timeBase,
    ticksPerChunk: (chunkSeconds * timeBase.den) / timeBase.num,
    keyframesBack: hasNoIndex(facts.format) ? 2 : 1,
  })
  return {
    firstTick,
    firstSeconds: secondsFrom(firstTick, timeBase),
    totalFrames: timeline.shown.length,
    durationSeconds,
    chunks,
    threads: chunks.length > 1 || fleetSlots === 1 ? 1 : 0,
  }
}

/**
 * Seconds of a chunk: a multiple of the keyframe distance. One chunk where nothing is won by several: one
 * slot, an average bit rate (its budget cannot see over a seam), or a copy.
 */
export function chunkSecondsFor(
  durationSeconds: number,
  fleetSlots: number,
  { video, chunkSeconds: shortest }: Profile,
): number {
  if (video.codec === 'copy' || video.rateControl?.mode === 'abr') return Infinity
  const multiple = (seconds: number) =>
    Math.max(1, Math.floor(seconds / video.gopSeconds + 1e-9)) * video.gopSeconds
  if (fleetSlots === 1) {
    const parts = Math.ceil(durationSeconds / longestSingleSeconds)
    return parts === 1 ? Infinity : multiple(durationSeconds / parts)
  }
  const longest = Math.max(shortest, longestChunkSeconds)
  const most = Math.floor(durationSeconds / shortest)
  if (most < 2) return Infinity
  const wanted = Math.max(fleetSlots * chunksPerSlot, Math.ceil(durationSeconds / longest))
  const count = Math.min(mostChunks, balanced(wanted, most, fleetSlots))
  return Math.max(multiple(durationSeconds / count), multiple(durationSeconds / mostChunks))
}

/** A count that every slot gets an equal share of, when there are enough chunks for that. */
function balanced(wanted: number, most: number, slots: number): number {
  if (most <= slots) return most
  const rounds = Math.min(Math.ceil(wanted / slots), Math.floor(most / slots))
  return rounds * slots
}

/** Share of a chunk below which the rest of the video gets no chunk of its own. */
const shortestRest = 0.6

interface Timeline {
  /** Ticks at which a frame is shown, in order. */
  readonly shown: readonly number[]
  /** Ticks of keyframes, shown or not, in order. */
  readonly keys: readonly number[]
  readonly endTick: number
}

/** Frames before the first keyframe cannot be decoded and do not count. */
function timelineFrom(packets: readonly SourcePacket[]): Timeline {
  const ascending = (a: number, b: number) => a - b
  const keys = packets.flatMap(({ pts, isKey }) => isKey && pts !== undefined ? [pts] : [])
    .sort(ascending)
  const [firstKey = -Infinity] = keys
  let lastDuration = 0
  let last = -Infinity
  const shown: number[] = []
  for (const { pts, duration = 0, isDiscarded } of packets) {
    if (pts === undefined || isDiscarded || pts < firstKey) continue
    shown.push(pts)
    if (pts > last) [last, lastDuration] = [pts, duration]
  }
  shown.sort(ascending)
  return { shown, keys, endTick: last + (lastDuration || averageGap(shown)) }
}

function averageGap(shown: readonly number[]): number {
  const span = (shown.at(-1) ?? 0) - (shown[0] ?? 0)
  return shown.length > 1 ? Math.round(span / (shown.length - 1)) : 1
}

interface CutRules {
  readonly timeBase: TimeBase
  readonly ticksPerChunk: number
  /** 1: seek to the keyframe at or before the border; 2: to the one before that. */
  readonly keyframesBack: number
}

function cut(timeline: Timeline, rules: CutRules): ChunkRange[] {
  const { shown } = timeline
  const borders = bordersOf(timeline, rules.ticksPerChunk)
  return borders.map((start, index) => {
    const end = borders[index + 1]
    const frames = shown.slice(start, end)
    const startTick = frames[0] ?? 0
    const endTick = end === undefined ? null : shown[end] ?? null
    const ticks = (endTick ?? timeline.endTick) - startTick
    return {
      index,
      startTick,
      endTick,
      seekSeconds: index === 0 ? null : seekSecondsFor(startTick, timeline.keys, rules),
      frames: frames.length,
      durationSeconds: secondsFrom(ticks, rules.timeBase),
      // Frames that share a time cannot keep it: an encoder moves one of them.
      ...(isRising(frames) && { timing: timingDigest(frames) }),
    }
  })
}

function isRising(ticks: readonly number[]): boolean {
  return ticks.every((tick, index) => index === 0 || tick > (ticks[index - 1] ?? -Infinity))
}

/**
 * Indices into `shown` at which chunks start. A gap longer than a chunk makes no empty chunk, and a short rest belongs
 * to the chunk before it.
 */
function bordersOf({ shown, endTick }: Timeline, ticksPerChunk: number): number[] {
  const first = shown[0] ?? 0
  const borders = [0]
  let next = first + ticksPerChunk
  for (const [index, tick] of shown.entries()) {
    if (tick < next - 1e-6) continue
    if (endTick - tick < ticksPerChunk * shortestRest) break
    borders.push(index)
    next = first + (Math.floor((tick - first) / ticksPerChunk + 1e-9) + 1) * ticksPerChunk
  }
  return borders
}

function seekSecondsFor(
  startTick: number,
  keys: readonly number[],
  { timeBase, keyframesBack }: CutRules,
): number | null {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? Infinity) <= startTick) low = middle + 1
    else high = middle
  }
  const key = keys[low - keyframesBack]
  return key === undefined ? null : secondsFrom(key, timeBase)
}

/** Containers without an index of keyframes: a seek lands after the one it was asked for. */
function hasNoIndex(format: string): boolean {
  return /mpegts|flv|asf|avi|mpeg/.test(format)
}
