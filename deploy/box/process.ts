/** A process of the product: reads its settings, starts, says so, and stops when it is told to. */
import { type Config, listConfigWarnings, readConfig } from '../../kernel/config.ts'
import { webEncodeErrorFrom } from '../../kernel/errors.ts'
import { createLog, type Log } from '../../kernel/log.ts'

/** What runs in the process. */
export interface Running {
  /** Lines that tell a person that it runs, and how to use it. */
  readonly greeting: readonly string[]
  /** Resolves when it ended by itself; absent: it never does. */
  readonly ended?: Promise<void>
  stop(): Promise<void>
}

/**
 * Runs until SIGTERM or SIGINT, or until what runs ends by itself. A second signal ends the process at once.
 * @returns the exit code
 */
export async function runProcess(
  start: (config: Config, log: Log) => Promise<Running>,
  farewell: string,
): Promise<number> {
  const stopped = stopSignal()
  try {
    const config = readConfig(process.env)
    const log = createLog(config.logLevel)
    for (const warning of listConfigWarnings(process.env)) log.warn(warning)
    const running = await start(config, log)
    for (const line of running.greeting) console.log(line)
    await Promise.race([stopped, ...running.ended === undefined ? [] : [running.ended]])
    console.log(farewell)
    await running.stop()
    return 0
  } catch (failure) {
    const { code, message } = webEncodeErrorFrom(failure)
    console.error(`WebEncode cannot start: ${code} ${message}`)
    return 1
  }
}

const stopSignals = ['SIGTERM', 'SIGINT'] as const

/** Resolves with the first SIGTERM or SIGINT; the next one, of either kind, has its usual effect. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of stopSignals) process.off(signal, stop)
      resolve()
    }
    for (const signal of stopSignals) process.on(signal, stop)
  })
}
