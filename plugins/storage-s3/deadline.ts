/** Ends what takes too long. */

/** A signal that is aborted with a `TimeoutError` after a time, or with the other one. */
export function deadline(ms: number, other?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(ms)
  return other === undefined ? timeout : AbortSignal.any([timeout, other])
}

/** The result of `work`, or the signal's reason when that comes first. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The answer of a request that must begin in time; its body may take as long as it needs. */
export async function answeredWithin<T>(
  ms: number,
  ask: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${ms} ms`)), ms)
  try {
    return await ask({ abortSignal: limit.signal })
  } finally {
    clearTimeout(timer)
  }
}
