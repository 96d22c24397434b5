/** Reads what `-progress` prints: blocks of key=value lines, each ended by a `progress=` line. */
import type { EncoderProgress } from '../../kernel/contract/encoder.ts'

/** What makes 100 %. */
export interface Expected {
  readonly frames?: number
  readonly durationSeconds?: number
}

/**
 * A reader that takes standard output in pieces of any size and calls `onProgress` once per block.
 * Keys it does not know are ignored, values that are not numbers (`N/A`) left out.
 */
export function createProgressReader(
  expected: Expected,
  onProgress: (progress: EncoderProgress) => void,
): (text: string) => void {
  let rest = ''
  let block = new Map<string, string>()
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const at = line.indexOf('=')
      if (at < 0) continue
      const key = line.slice(0, at).trim()
      block.set(key, line.slice(at + 1).trim())
      if (key !== 'progress') continue
      onProgress(progressFrom(block, expected))
      block = new Map()
    }
  }
}

/** One finished block as facts. Seconds come from `out_time_us`: `out_time_ms` holds microseconds too. */
export function progressFrom(
  block: ReadonlyMap<string, string>,
  expected: Expected,
): EncoderProgress {
  const frame = numberFrom(block.get('frame'))
  const fps = numberFrom(block.get('fps'))
  const speed = numberFrom(block.get('speed')?.replace(/x$/, ''))
  const microseconds = numberFrom(block.get('out_time_us'))
  const outTimeSeconds = microseconds === undefined ? undefined : Math.max(0, microseconds / 1e6)
  const fraction = fractionFrom(frame, outTimeSeconds, expected)
  return {
    ...(fraction !== undefined && { fraction }),
    ...(frame !== undefined && { frame }),
    ...(fps !== undefined && { fps }),
    ...(speed !== undefined && { speed }),
    ...(outTimeSeconds !== undefined && { outTimeSeconds }),
  }
}

function fractionFrom(
  frame: number | undefined,
  seconds: number | undefined,
  { frames, durationSeconds }: Expected,
): number | undefined {
  if (frames && frame !== undefined) return Math.min(1, frame / frames)
  if (durationSeconds && seconds !== undefined) return Math.min(1, seconds / durationSeconds)
  return undefined
}

function numberFrom(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? NaN : Number(text)
  return Number.isFinite(value) ? value : undefined
}
