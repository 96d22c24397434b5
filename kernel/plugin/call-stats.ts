/** Latency and errors of a plugin's calls in the last five minutes, in bounded memory. */
import type { PluginCall, PluginStats } from '../contract/plugin.ts'

const sliceMs = 10_000
const sliceCount = 30
/** Each bucket is a tenth wider than the one before: 0.01 ms to 45 minutes. */
const growth = 1.1
const firstMs = 0.01
const bucketCount = 200

interface Slice {
  startMs: number
  calls: number
  errors: number
  readonly buckets: Uint32Array
}

/** Counts calls. */
export interface CallStats {
  add(call: PluginCall): void
  read(): PluginStats
}

/** @param now - milliseconds since the epoch */
export function createCallStats(now: () => number): CallStats {
  const slices = Array.from({ length: sliceCount }, emptySlice)
  return {
    add({ durationMs, ok }) {
      const startMs = Math.floor(now() / sliceMs) * sliceMs
      const index = (startMs / sliceMs) % sliceCount
      let slice = slices[index]
      if (slice?.startMs !== startMs) slices[index] = slice = { ...emptySlice(), startMs }
      slice.calls++
      if (!ok) slice.errors++
      const bucket = bucketOf(durationMs)
      slice.buckets[bucket] = (slice.buckets[bucket] ?? 0) + 1
    },
    read: () => statsOf(slices.filter(({ startMs }) => startMs > now() - sliceMs * sliceCount)),
  }
}

function emptySlice(): Slice {
  return { startMs: 0, calls: 0, errors: 0, buckets: new Uint32Array(bucketCount) }
}

function statsOf(slices: readonly Slice[]): PluginStats {
  const sum = (valueOf: (slice: Slice) => number) =>
    slices.reduce((n, slice) => n + valueOf(slice), 0)
  const buckets = Array.from(
    { length: bucketCount },
    (_, i) => sum((slice) => slice.buckets[i] ?? 0),
  )
  const calls = sum((slice) => slice.calls)
  const percentile = (share: number) => percentileOf(buckets, calls, share)
  return {
    calls,
    errors: sum((slice) => slice.errors),
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
  }
}

function bucketOf(durationMs: number): number {
  const bucket = Math.ceil(Math.log(Math.max(durationMs, firstMs) / firstMs) / Math.log(growth))
  return Math.min(bucket, bucketCount - 1)
}

/** The upper end of the bucket: at most a tenth too much. */
function percentileOf(buckets: readonly number[], calls: number, share: number): number {
  if (calls === 0) return 0
  let below = 0
  const index = buckets.findIndex((count) => (below += count) >= calls * share)
  return Number((firstMs * growth ** index).toPrecision(3))
}
