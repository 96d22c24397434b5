/** Tells a source that was cut off from a whole one: what its index announces against what can be read. Pure. */

/** What is known after all packets were listed. */
export interface ReadingFacts {
  /** ffprobe's name of the container. */
  readonly format: string
  /** Seconds that the header announces; 0 when it does not. */
  readonly announcedSeconds: number
  /** Where the last packet that could be read ends, in seconds on the same timeline. */
  readonly readSeconds: number
  /** Packets of the stream that the index announces. */
  readonly announcedFrames?: number
  readonly readFrames: number
  /** What ffprobe complained about while it read. */
  readonly stderr: string
}

/** Containers whose end may be a little short of what they announce: rounding, and frames never written. */
const tolerance = 0.05
const toleranceSeconds = 1

/**
 * Why the source counts as cut off, as a sentence, or undefined when it is whole as far as one can tell.
 * MP4 knows: a sample of its index lies beyond the end of the file. Matroska and FLV announce a duration, AVI
 * a number of frames. A transport stream may begin and end anywhere, so it is never cut off.
 */
export function truncationOf(facts: ReadingFacts): string | undefined {
  const { format, stderr, readFrames, announcedFrames = 0 } = facts
  if (format.startsWith('mov')) return /partial file/.test(stderr) ? sentence(facts) : undefined
  if (format.startsWith('avi')) {
    return readFrames < announcedFrames * (1 - tolerance) - 2 ? sentence(facts) : undefined
  }
  const mustBeCut = /matroska/.test(format)
    ? /File ended prematurely/.test(stderr)
    : /^(flv|asf|ogg)/.test(format)
  return mustBeCut && isShort(facts) ? sentence(facts) : undefined
}

function isShort({ announcedSeconds, readSeconds }: ReadingFacts): boolean {
  return readSeconds < announcedSeconds * (1 - tolerance) - toleranceSeconds
}

function sentence(facts: ReadingFacts): string {
  const { announcedFrames = 0, readFrames, announcedSeconds, readSeconds } = facts
  const share = announcedFrames > readFrames
    ? `it announces ${announcedFrames} frames, and only ${readFrames} can be read`
    : `it announces ${announcedSeconds.toFixed(1)} s, and ends after ${readSeconds.toFixed(1)} s`
  return `The source is incomplete: ${share}. Upload the whole file.`
}
