/** A piece of work done again and again: on time, when kicked, never twice at once. */
import type { Clock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { backoffMs } from './retry.ts'

export interface Loop {
  start(): void
  /** Runs a round at once, or right after the one that is running. Does nothing while failures are waited out. */
  kick(): void
  /** Runs a round within `delayMs`, or earlier when one is due earlier. */
  within(delayMs: number): void
  /** No new rounds; resolves when the running one has ended. */
  stop(): Promise<void>
}

export interface LoopOptions {
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** One bounded round of work. Resolves to the milliseconds until the next; 0: at once. A throw is logged and backed off. */
  readonly round: () => Promise<number>
}

/** First and longest wait after failed rounds, in milliseconds. */
const backoff = { firstMs: 100, mostMs: 10_000 }

export function createLoop({ name, clock, log, round }: LoopOptions): Loop {
  let active = false
  let busy = false
  let running: Promise<void> = Promise.resolve()
  let failures = 0
  let dueAt = Infinity
  let cancel = () => {}

  function schedule(delayMs: number): void {
    cancel()
    dueAt = clock.now() + delayMs
    cancel = clock.after(delayMs, run)
  }

  function run(): void {
    if (!active || busy) return
    cancel()
    dueAt = Infinity
    // Before the round starts, because it may kick its own loop.
    busy = true
    running = runOnce().finally(() => {
      busy = false
      if (active && dueAt < Infinity) schedule(Math.max(0, dueAt - clock.now()))
    })
  }

  async function runOnce(): Promise<void> {
    try {
      const delayMs = await round()
      failures = 0
      dueAt = Math.min(dueAt, clock.now() + delayMs)
    } catch (failure) {
      failures += 1
      dueAt = clock.now() + backoffMs(failures, backoff.firstMs, backoff.mostMs)
      log.error(`${name}: a round failed: ${messageOf(failure)}`, { failure, failures })
    }
  }

  function within(delayMs: number): void {
    if (!active || failures > 0) return
    const at = clock.now() + delayMs
    if (at >= dueAt) return
    if (busy) dueAt = at
    else if (delayMs <= 0) run()
    else schedule(delayMs)
  }

  return {
    start() {
      active = true
      run()
    },
    kick: () => within(0),
    within,
    async stop() {
      active = false
      cancel()
      await running
    },
  }
}
