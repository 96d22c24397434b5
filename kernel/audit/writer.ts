/** Writes audit events before their requests are answered: what waits at the same time goes into one statement. */
import type { Clock } from '../clock.ts'
import type { NewAuditEvent } from '../contract/audit.ts'
import { insertAuditEvents } from '../db/audit-events.ts'
import type { Reader } from '../db/database.ts'
import { messageOf, WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'

/** Where events are handed in. */
export interface AuditWriter {
  /**
   * Resolves when the row is committed.
   * @throws WE-SYS-004 when too many wait; WE-SYS-002 when the database fails for longer than the retries
   */
  record(event: NewAuditEvent): Promise<void>
  /** Waits for everything that was handed in. */
  close(): Promise<void>
}

export interface AuditWriterOptions {
  readonly db: Reader
  readonly clock: Clock
  readonly log: Log
  /** Events that may wait. @default 20_000 */
  readonly capacity?: number
  /** Events in one statement. @default 256 */
  readonly batchSize?: number
  /** Called after each commit. */
  readonly onCommit?: () => void
}

interface Waiting {
  readonly event: NewAuditEvent
  readonly resolve: () => void
  readonly reject: (failure: unknown) => void
}

/** Waits between the attempts of one statement, in milliseconds: a broken connection, not an outage. */
const retryDelaysMs = [50, 200, 800]

/** Creates the line of events before one database. */
export function createAuditWriter(options: AuditWriterOptions): AuditWriter {
  const { capacity = 20_000, batchSize = 256, onCommit = () => {} } = options
  const queue: Waiting[] = []
  let pumping: Promise<void> | undefined

  /** Starts after this tick, so that requests that end together go together. */
  const pump = async () => {
    await Promise.resolve()
    while (queue.length > 0) {
      const batch = queue.splice(0, batchSize)
      try {
        await insertPatiently(options, batch.map(({ event }) => event))
        for (const { resolve } of batch) resolve()
        onCommit()
      } catch (cause) {
        const failure = new WebEncodeError('WE-SYS-002', 'Cannot write the audit', { cause })
        for (const { reject } of batch) reject(failure)
      }
    }
    pumping = undefined
  }

  return {
    record(event) {
      if (queue.length >= capacity) {
        const problem = `Cannot write the audit: ${queue.length} other events wait`
        return Promise.reject(new WebEncodeError('WE-SYS-004', problem, { retryAfterSeconds: 1 }))
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      queue.push({ event, resolve, reject })
      pumping ??= pump()
      return promise
    },
    async close() {
      await pumping
    },
  }
}

/** An id is written once, so a statement whose end is unknown may be sent again. */
async function insertPatiently(
  { db, clock, log }: AuditWriterOptions,
  events: readonly NewAuditEvent[],
): Promise<void> {
  for (const delayMs of retryDelaysMs) {
    try {
      return await insertAuditEvents(db, events)
    } catch (failure) {
      log.warn(`Writing the audit failed, it is tried again: ${messageOf(failure)}`, { failure })
      await clock.sleep(delayMs)
    }
  }
  await insertAuditEvents(db, events)
}
