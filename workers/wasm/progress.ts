/** Reads FFmpeg's `-progress` blocks as they arrive in pieces. */
import type { EncoderProgress, EncoderRun } from '../../kernel/contract/encoder.ts'

/** Takes pieces of text and calls back for each whole block. */
export function createProgressReader(
  expected: EncoderRun['expected'],
  onProgress: (progress: EncoderProgress) => void,
): (piece: string) => void {
  let rest = ''
  let block = new Map<string, string>()
  return (piece) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [key = '', value = ''] = line.split('=', 2)
      if (key !== 'progress') block.set(key, value.trim())
      else {
        onProgress(progressFrom(block, expected))
        block = new Map()
      }
    }
  }
}

function progressFrom(block: ReadonlyMap<string, string>, expected: EncoderRun['expected']) {
  const number = (key: string) => {
    const value = Number.parseFloat(block.get(key) ?? '')
    return Number.isFinite(value) ? value : undefined
  }
  const micros = number('out_time_us')
  const outTimeSeconds = micros === undefined ? undefined : micros / 1e6
  const done = share(number('frame'), expected?.frames) ??
    share(outTimeSeconds, expected?.durationSeconds)
  return {
    ...optional('fraction', done),
    ...optional('frame', number('frame')),
    ...optional('fps', number('fps')),
    ...optional('speed', number('speed')),
    ...optional('outTimeSeconds', outTimeSeconds),
  }
}

function share(done: number | undefined, total: number | undefined): number | undefined {
  if (done === undefined || total === undefined || total <= 0) return undefined
  return Math.min(Math.max(done / total, 0), 1)
}

function optional<K extends string>(key: K, value: number | undefined): { [key in K]?: number } {
  return value === undefined ? {} : { [key]: value } as { [key in K]: number }
}
