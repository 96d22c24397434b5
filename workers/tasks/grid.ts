/** Cuts a video into chunks: pure, from the packets of the source to the plan of the job. */
import type { ChunkRange, EncodePlan, SourceFacts } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import { timingDigest } from '../ffmpeg/packet-checks.ts'
import type { SourcePacket, TimeBase } from '../ffmpeg/packet-list.ts'
import { secondsFrom } from '../ffmpeg/packet-list.ts'
import { chunkLengths } from './chunk-lengths.ts'

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

/**
 * Lays the grid. A chunk starts at the first frame shown at or after its border, whether that is a keyframe or not.
 * @returns undefined when the video has no frame that can be shown
 */
export function gridFrom({ facts, packets, fleetSlots, profile }: GridInput): Grid | undefined {
  const timeBase = facts.video?.timeBase
  const timeline = timelineFrom(packets)
  const [firstTick] = timeline.shown
  if (timeBase === undefined || firstTick === undefined) return undefined
  const durationSeconds = secondsFrom(timeline.endTick - firstTick, timeBase)
  const chunks = cut(timeline, {
    timeBase,
    lengths: chunkLengths(durationSeconds, fleetSlots, profile),
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
  /** Seconds of each chunk. */
  readonly lengths: readonly number[]
  /** 1: seek to the keyframe at or before the border; 2: to the one before that. */
  readonly keyframesBack: number
}

function cut(timeline: Timeline, rules: CutRules): ChunkRange[] {
  const { shown } = timeline
  const borders = bordersOf(timeline, rules)
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

/** Indices into `shown` at which chunks start. A gap longer than a chunk makes no empty chunk. */
function bordersOf({ shown }: Timeline, { lengths, timeBase }: CutRules): number[] {
  const borders = [0]
  let border = shown[0] ?? 0
  let index = 0
  for (const seconds of lengths.slice(0, -1)) {
    border += (seconds * timeBase.den) / timeBase.num
    while (index < shown.length && (shown[index] ?? 0) < border - 1e-6) index++
    if (index < shown.length && index > (borders.at(-1) ?? 0)) borders.push(index)
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
