/** Two ways to move the same bytes, measured in turn. */
import { type Figure, median } from './figure.ts'

const rounds = 3
const megabyte = 1e6

/** How fast ours is, as a part of theirs. */
export interface Comparison {
  readonly ratio: number
  /** Both rates. */
  readonly detail: string
}

/** A way to move the bytes. What `tidy` does, before the next way has its turn, is not measured. */
export interface Way {
  readonly move: () => Promise<unknown>
  readonly tidy?: () => unknown
}

/** Both ways in turn, so that what else the machine does meets both. */
export async function compare(sizeBytes: number, ours: Way, theirs: Way): Promise<Comparison> {
  const times = { ours: [] as number[], theirs: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.theirs.push(await secondsOf(theirs))
    times.ours.push(await secondsOf(ours))
  }
  const rate = (seconds: readonly number[]) => sizeBytes / median(seconds)
  const [own, other] = [rate(times.ours), rate(times.theirs)]
  return { ratio: own / other, detail: `${mb(own)}/s against ${mb(other)}/s` }
}

async function secondsOf({ move, tidy }: Way): Promise<number> {
  const startMs = performance.now()
  await move()
  const seconds = (performance.now() - startMs) / 1000
  await tidy?.()
  return seconds
}

/** The figure of a comparison. */
export function rateFigure(name: string, { ratio, detail }: Comparison): Figure {
  return { name, value: ratio, unit: '', goal: '>= 0.9', reached: ratio >= 0.9, detail }
}

/** Whole megabytes, as text. */
export function mb(bytes: number): string {
  return `${Math.round(bytes / megabyte)} MB`
}
