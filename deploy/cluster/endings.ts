/** What a program started and would leave behind: ended by whoever started it, or all at once when the program is told to end. */
import process from 'node:process'

const endings = new Set<() => Promise<void>>()
const signals = ['SIGINT', 'SIGTERM'] as const

/**
 * Remembers how something ends.
 * @returns ends it; asked again, it waits for the same end
 */
export function endLater(end: () => unknown): () => Promise<void> {
  let ended: Promise<void> | undefined
  const endOnce = () => ended ??= endNow()
  async function endNow(): Promise<void> {
    try {
      await end()
    } finally {
      endings.delete(endOnce)
    }
  }
  endings.add(endOnce)
  return endOnce
}

/** Ends all that is left, the latest first, and what is begun meanwhile. What cannot be ended is said, and the rest goes on. */
export async function endAll(): Promise<void> {
  while (endings.size > 0) {
    try {
      await [...endings].at(-1)?.()
    } catch (failure) {
      console.error('Cannot end what was started:', failure)
    }
  }
}

/**
 * Runs a program that starts others, and ends what it leaves. SIGINT and SIGTERM cut it short: everything is ended first, and then
 * it dies of the signal. A second one does not wait.
 */
export async function runToItsEnd(work: () => Promise<void>): Promise<void> {
  const told = Promise.withResolvers<NodeJS.Signals>()
  // Not `once`: a listener that is gone when its signal arrives is taken for none by programs' own clean-up, which then exits.
  for (const signal of signals) process.on(signal, told.resolve)
  const stopListening = () => {
    for (const signal of signals) process.off(signal, told.resolve)
  }
  try {
    const signal = await Promise.race([work(), told.promise])
    stopListening()
    if (signal === undefined) return await endAll()
    console.error(`${signal}: ending what was started`)
    // What is under way loses its servers now, and nobody waits for it any more.
    process.on('uncaughtException', () => {})
    await endAll()
    process.kill(process.pid, signal)
  } finally {
    stopListening()
    await endAll()
  }
}
