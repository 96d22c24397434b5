/** How long the chunks of a video are: long ones first, short ones last, so that all slots end together. */
import type { Profile } from '../../kernel/contract/profile.ts'

/** Longer chunks gain nothing in quality, and cost more when a worker dies. */
const longestChunkSeconds = 30
/** On one slot nothing runs side by side, so chunks only bound what a crash costs. */
const longestSingleSeconds = 600
/** Of the profile's chunk: the last ones may be this much shorter, to even out the end, but never below 6 s. */
const shortestShare = 0.6
const shortestSeconds = 6
const mostChunks = 4000
/**
 * Each chunk takes this part of what remains for its slot. Guided self-scheduling (Polychronopoulos and Kuck, 1987): few
 * chunks, because each costs the start of a process and a check, and yet no slot waits long for the last one.
 */
const shareOfRest = 1.5

/**
 * Seconds of each chunk, in order. All are multiples of the keyframe distance but the last, which takes what is left.
 * One chunk where nothing is won by several: one slot, an average bit rate (its budget cannot see over a seam), or a copy.
 * @param fleetSlots - slots of all workers that could take part
 */
export function chunkLengths(
  durationSeconds: number,
  fleetSlots: number,
  { video, chunkSeconds }: Profile,
): number[] {
  if (video.codec === 'copy' || video.rateControl?.mode === 'abr') return [durationSeconds]
  const multiple = (seconds: number) =>
    Math.max(1, Math.floor(seconds / video.gopSeconds + 1e-9)) * video.gopSeconds
  if (fleetSlots === 1) {
    const parts = Math.max(1, Math.ceil(durationSeconds / longestSingleSeconds))
    const length = multiple(durationSeconds / parts)
    return [...Array<number>(parts - 1).fill(length), durationSeconds - length * (parts - 1)]
  }
  if (durationSeconds < 2 * chunkSeconds) return [durationSeconds]
  const least = Math.max(shortestSeconds, chunkSeconds * shortestShare)
  const shortest = Math.ceil(least / video.gopSeconds - 1e-9) * video.gopSeconds
  const longest = Math.max(chunkSeconds, longestChunkSeconds, 2 * durationSeconds / mostChunks)
  const lengths: number[] = []
  let rest = durationSeconds
  while (rest >= 2 * shortest && lengths.length < mostChunks - 1) {
    const share = rest / (fleetSlots * shareOfRest)
    const length = Math.max(shortest, multiple(Math.min(share, longest)))
    lengths.push(length)
    rest -= length
  }
  // What the last one would have too much goes to the first, where it delays nobody.
  const [first, ...others] = lengths
  if (first === undefined) return [rest]
  const excess = Math.floor((rest - shortest) / video.gopSeconds + 1e-9) * video.gopSeconds
  return [first + excess, ...others, rest - excess]
}
