/** Latency and errors of a plugin's calls in the last five minutes, as a whole and by method, in bounded memory. */
import type { CallFigures, PluginCall, PluginStats } from '../contract/plugin.ts'

const sliceMs = 10_000
const sliceCount = 30
/** Each bucket is a tenth wider than the one before: 0.01 ms to 45 minutes. */
const growth = 1.1
const growthLog = Math.log(growth)
const firstMs = 0.01
const bucketCount = 200

interface Slice {
  startMs: number
  calls: number
  errors: number
  readonly buckets: Uint32Array
}

/** One method's slices of time; a place is empty until a call falls into it. */
type Slices = (Slice | undefined)[]

/** Counts calls. */
export interface CallStats {
  /** @param call - of a method that the plugin's services have: each takes up to 24 KB */
  add(call: PluginCall): void
  read(): PluginStats
}

/** @param now - milliseconds since the epoch */
export function createCallStats(now: () => number): CallStats {
  const methods = new Map<string, Slices>()
  return {
    add({ method, durationMs, ok }) {
      let slices = methods.get(method)
      if (slices === undefined) methods.set(method, slices = [])
      const slice = sliceAt(slices, now())
      slice.calls++
      if (!ok) slice.errors++
      const bucket = bucketOf(durationMs)
      slice.buckets[bucket] = (slice.buckets[bucket] ?? 0) + 1
    },
    read() {
      const fromMs = now() - sliceMs * sliceCount
      const recent = [...methods]
        .map(([method, slices]) => [method, slices.filter(isSliceAfter(fromMs))] as const)
        .filter(([, slices]) => slices.length > 0)
        .sort(([a], [b]) => a < b ? -1 : 1)
      return {
        ...figuresOf(recent.flatMap(([, slices]) => slices)),
        methods: recent.map(([method, slices]) => ({ method, ...figuresOf(slices) })),
      }
    },
  }
}

/** The slice of this moment; it takes the place of the one five minutes ago. */
function sliceAt(slices: Slices, nowMs: number): Slice {
  const number = Math.floor(nowMs / sliceMs)
  const [index, startMs] = [number % sliceCount, number * sliceMs]
  const found = slices[index]
  if (found?.startMs === startMs) return found
  const buckets = found?.buckets.fill(0) ?? new Uint32Array(bucketCount)
  const slice = { startMs, calls: 0, errors: 0, buckets }
  slices[index] = slice
  return slice
}

function isSliceAfter(fromMs: number): (slice: Slice | undefined) => slice is Slice {
  return (slice): slice is Slice => slice !== undefined && slice.startMs > fromMs
}

function figuresOf(slices: readonly Slice[]): CallFigures {
  const buckets = new Uint32Array(bucketCount)
  let [calls, errors] = [0, 0]
  for (const slice of slices) {
    calls += slice.calls
    errors += slice.errors
    slice.buckets.forEach((count, i) => buckets[i] = (buckets[i] ?? 0) + count)
  }
  const percentile = (share: number) => percentileOf(buckets, calls, share)
  return {
    calls,
    errors,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
  }
}

function bucketOf(durationMs: number): number {
  const bucket = Math.ceil(Math.log(Math.max(durationMs, firstMs) / firstMs) / growthLog)
  return Math.min(bucket, bucketCount - 1)
}

/** The upper end of the bucket: at most a tenth too much. */
function percentileOf(buckets: Uint32Array, calls: number, share: number): number {
  if (calls === 0) return 0
  let below = 0
  const index = buckets.findIndex((count) => (below += count) >= calls * share)
  return Number((firstMs * growth ** index).toPrecision(3))
}
