/** Hands committed audit events to the bus, at least once each, however long the bus is away. */
import type { Bus } from '../bus/bus.ts'
import { auditSystemSubject, auditUserSubject } from '../bus/subjects.ts'
import type { Clock } from '../clock.ts'
import type { AuditEventView, AuditKind } from '../contract/audit.ts'
import type { Json } from '../contract/json.ts'
import type { Database } from '../db/database.ts'
import {
  deleteAuditOutbox,
  postponeAuditOutbox,
  takeAuditOutbox,
  type UnsentEvent,
} from '../db/audit-outbox.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'

/** Runs until it is stopped. */
export interface AuditRelay {
  start(): void
  /** Looks soon, not at once: there is something new, and whoever made it has more urgent work for the database. */
  kick(): void
  /** No new round; waits for the one that runs. */
  stop(): Promise<void>
}

export interface AuditRelayOptions {
  readonly db: Database
  readonly bus: Pick<Bus, 'publish'>
  readonly clock: Clock
  readonly log: Log
  /** Events taken at once. @default 256 */
  readonly limit?: number
  /** How often it looks without being told, in milliseconds. @default 1000 */
  readonly everyMs?: number
  /** How long taken events stay hidden from other kernels, in milliseconds. @default 30_000 */
  readonly hideMs?: number
}

const subjects: Readonly<Record<AuditKind, string>> = {
  user_action: auditUserSubject,
  system: auditSystemSubject,
}

/** What comes within this time goes together. */
const soonMs = 100

/** Milliseconds before an event is tried again; it is never given up. */
function retryDelayMs(attempts: number): number {
  return Math.min(500 * 2 ** Math.min(attempts, 10), 60_000)
}

/** Creates the relay; nothing runs before `start`. */
export function createAuditRelay(options: AuditRelayOptions): AuditRelay {
  const { clock, log, everyMs = 1000 } = options
  let isActive = false
  let isKicked = false
  let isSoon = false
  let running: Promise<void> | undefined
  let cancel = () => {}

  const rounds = async () => {
    let waitMs = everyMs
    try {
      do isKicked = false
      while ((await relayRound(options) || isKicked) && isActive)
    } catch (failure) {
      log.error(`audit relay: a round failed: ${messageOf(failure)}`, { failure })
      waitMs = Math.max(everyMs, 1000)
    }
    running = undefined
    if (isActive) cancel = clock.after(waitMs, run)
  }
  const run = () => {
    cancel()
    isSoon = false
    running ??= rounds()
  }
  return {
    start() {
      isActive = true
      run()
    },
    kick() {
      isKicked = true
      if (!isActive || isSoon || running !== undefined) return
      isSoon = true
      cancel()
      cancel = clock.after(soonMs, run)
    },
    async stop() {
      isActive = false
      cancel()
      await running
    },
  }
}

/** One round. @returns whether more may be due */
async function relayRound(options: AuditRelayOptions): Promise<boolean> {
  const { db, bus, limit = 256, hideMs = 30_000 } = options
  const unsent = await takeAuditOutbox(db, limit, hideMs)
  if (unsent.length === 0) return false
  const results = await Promise.allSettled(unsent.map(({ event }) => publish(bus, event)))
  const sent = unsent.filter((_, i) => results[i]?.status === 'fulfilled')
  if (sent.length > 0) await deleteAuditOutbox(db, sent.map(({ event }) => event.id))
  const failed = unsent.filter((_, i) => results[i]?.status === 'rejected')
  if (failed.length > 0) {
    const reason: unknown = results.find((result) => result.status === 'rejected')?.reason
    await putBack(options, failed, reason)
  }
  return unsent.length === limit && failed.length === 0
}

/** Under the event's id, so that a durable stream drops a repetition. */
async function publish(bus: Pick<Bus, 'publish'>, event: AuditEventView): Promise<void> {
  await bus.publish(subjects[event.kind], event as Json, { id: `audit:${event.id}` })
}

/** Those that were tried as often wait as long. */
async function putBack(
  { db, log }: AuditRelayOptions,
  failed: readonly UnsentEvent[],
  failure: unknown,
): Promise<void> {
  log.warn(`The bus did not take audit events: ${messageOf(failure)}`, {
    events: failed.length,
    failure,
  })
  for (const [attempts, group] of Map.groupBy(failed, (unsent) => unsent.attempts)) {
    const ids = group.map(({ event }) => event.id)
    await postponeAuditOutbox(db, ids, retryDelayMs(attempts))
  }
}
