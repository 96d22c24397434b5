/** Callers that ask again as soon as they are answered, and what they measured. */

export interface LoadOptions {
  /** Calls under way at the same time. */
  readonly callers: number
  /** How long is measured. */
  readonly seconds: number
  /** How long the same is done before, unmeasured. @default 1 */
  readonly warmUpSeconds?: number
  readonly call: (caller: number) => Promise<unknown>
}

export interface LoadResult {
  /** Calls answered in the measured time. */
  readonly count: number
  readonly perSecond: number
  /** How long each took, in ms. */
  readonly waits: readonly number[]
}

/** Runs the callers until the time is over. @throws the first failure of a call */
export async function runCallers(options: LoadOptions): Promise<LoadResult> {
  const { callers, seconds, warmUpSeconds = 1, call } = options
  const waits: number[] = []
  const beginMs = performance.now() + warmUpSeconds * 1000
  const endMs = beginMs + seconds * 1000
  const runOne = async (caller: number) => {
    for (;;) {
      const sentMs = performance.now()
      if (sentMs >= endMs) return
      await call(caller)
      const nowMs = performance.now()
      if (nowMs >= beginMs && nowMs < endMs) waits.push(nowMs - sentMs)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => runOne(caller)))
  return { count: waits.length, perSecond: waits.length / seconds, waits }
}
