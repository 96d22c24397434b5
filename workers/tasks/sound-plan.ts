/** The plan of a source without pictures: where its sound starts and ends. */
import type { EncodePlan } from '../../kernel/contract/media.ts'
import type { SourcePacket, TimeBase } from '../ffmpeg/packet-list.ts'
import { secondsFrom } from '../ffmpeg/packet-list.ts'

/**
 * Sound alone needs no grid: it is encoded whole, from the first packet that is heard. What an edit list cuts off, as
 * an encoder's lead-in, would otherwise become silence at the start.
 * @param packets - of the first audio track
 * @returns undefined when no packet is heard
 */
export function soundPlanFrom(
  packets: readonly SourcePacket[],
  timeBase: TimeBase,
): Omit<EncodePlan, 'source' | 'warnings'> | undefined {
  let [firstTick, endTick] = [Infinity, -Infinity]
  for (const { pts, duration = 0, isDiscarded } of packets) {
    if (pts === undefined || isDiscarded) continue
    firstTick = Math.min(firstTick, pts)
    endTick = Math.max(endTick, pts + duration)
  }
  if (firstTick === Infinity) return undefined
  const firstSeconds = secondsFrom(firstTick, timeBase)
  return {
    firstTick,
    firstSeconds,
    totalFrames: 0,
    durationSeconds: Math.max(0, secondsFrom(endTick, timeBase) - firstSeconds),
    chunks: [],
    threads: 1,
  }
}
