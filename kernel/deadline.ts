/** Waiting for work that may take too long. */
import type { Clock } from './clock.ts'

/** What `work` answers, or fails with, in time. @throws what `late` makes, after `ms` milliseconds; the work goes on unheard */
export async function withDeadline<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  const { promise: isLate, reject } = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => reject(late()))
  try {
    return await Promise.race([work, isLate])
  } finally {
    cancel()
  }
}
