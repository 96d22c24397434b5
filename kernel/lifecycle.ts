/** The order in which the parts of a process start, and the reverse order in which they stop. */
import type { Clock } from './clock.ts'
import { WebEncodeError, webEncodeErrorFrom } from './errors.ts'
import type { Log } from './log.ts'

/** How long one part may take. */
export interface StepLimits {
  /** Milliseconds. @default 60,000 */
  readonly startTimeoutMs?: number
  /** Milliseconds. @default 15,000 */
  readonly stopTimeoutMs?: number
}

/** A part that did not stop as it should, and why. */
export interface StopFailure {
  readonly step: string
  readonly error: unknown
}

/** Starts the parts of a process and stops them in reverse. */
export interface Lifecycle {
  /**
   * Starts one part. What `open` resolves to is handed to `close` when the process stops.
   * When a part fails or takes too long to start, all that were started before it are stopped.
   * @throws the code of the failure, or WE-SYS-001, naming the step; WE-SYS-004 when the process stops
   */
  start<T>(
    step: string,
    open: () => T | Promise<T>,
    close?: (part: T) => unknown,
    limits?: StepLimits,
  ): Promise<T>
  /**
   * Waits for the parts that are starting, then stops every part, the last started first. One that
   * fails or takes too long is noted, and the next one is stopped all the same. A second call
   * answers the same promise.
   */
  stop(): Promise<readonly StopFailure[]>
}

interface RunningStep {
  readonly name: string
  readonly close: () => unknown
  readonly timeoutMs: number
}

/** A lifecycle without parts. */
export function createLifecycle({ log, clock }: { log: Log; clock: Clock }): Lifecycle {
  const running: RunningStep[] = []
  const starting = new Set<Promise<unknown>>()
  let stopping: Promise<readonly StopFailure[]> | undefined

  const stopOne = async ({ name, close, timeoutMs }: RunningStep): Promise<StopFailure[]> => {
    try {
      await within(clock, timeoutMs, `stopping ${name}`, async () => close())
      log.debug('stopped', { step: name })
      return []
    } catch (error) {
      log.error('could not stop', { step: name, error })
      return [{ step: name, error }]
    }
  }

  const stopAll = async () => {
    // The clock's timers let the process end; without this it could, in the middle of the stop.
    const alive = setInterval(() => {}, 60_000)
    await Promise.allSettled(starting)
    const failures: StopFailure[] = []
    for (let step = running.pop(); step !== undefined; step = running.pop()) {
      failures.push(...await stopOne(step))
    }
    clearInterval(alive)
    return failures
  }

  const stop = () => stopping ??= stopAll()

  const open = async <T>(
    step: string,
    work: () => Promise<T>,
    close: (part: T) => unknown,
    { startTimeoutMs = 60_000, stopTimeoutMs = 15_000 }: StepLimits,
  ) => {
    const stepOf = (part: T) => ({ name: step, close: () => close(part), timeoutMs: stopTimeoutMs })
    const part = await within(clock, startTimeoutMs, `starting ${step}`, work, (late) => {
      void stopOne(stepOf(late))
    })
    running.push(stepOf(part))
    log.debug('started', { step })
    return part
  }

  return {
    async start(step, work, close = () => {}, limits = {}) {
      if (stopping !== undefined) throw stoppingError(step)
      const part = open(step, async () => work(), close, limits)
      starting.add(part)
      try {
        await part
      } catch (failure) {
        await stop()
        throw startError(step, failure)
      } finally {
        starting.delete(part)
      }
      if (stopping === undefined) return part
      await stop()
      throw stoppingError(step)
    },
    stop,
  }
}

function stoppingError(step: string): WebEncodeError {
  return new WebEncodeError('WE-SYS-004', `Cannot start ${step}: the process is stopping`)
}

function startError(step: string, failure: unknown): WebEncodeError {
  const { code, next, message } = webEncodeErrorFrom(failure)
  return new WebEncodeError(code, `Cannot start ${step}: ${message}`, { next, cause: failure })
}

/**
 * What `work` resolves to, if it does within `timeoutMs`.
 * @param onLate - receives what it resolves to after that
 * @throws WE-SYS-004 when the time is over
 */
function within<T>(
  clock: Clock,
  timeoutMs: number,
  doing: string,
  work: () => Promise<T>,
  onLate: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false
    const cancel = clock.after(timeoutMs, () => {
      late = true
      reject(new WebEncodeError('WE-SYS-004', `${doing} takes longer than ${timeoutMs} ms`))
    })
    work().then((value) => {
      cancel()
      if (late) onLate(value)
      else resolve(value)
    }, (failure) => {
      cancel()
      reject(failure)
    })
  })
}
