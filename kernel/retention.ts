/** Deletes what its owner no longer wants kept: old jobs, unused uploads, old logs, and rows that only time made useless. */
import { randomUUID } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { NewAuditEvent } from './contract/audit.ts'
import type { ObjectInfo, StorageProvider } from './contract/storage.ts'
import { insertAuditEvents, pruneAuditEvents } from './db/audit-events.ts'
import type { Database } from './db/database.ts'
import { pruneIdempotencyKeys } from './db/idempotency.ts'
import { listEndedJobIds, listUsedSources } from './db/retention.ts'
import { deleteExpiredSessions } from './db/sessions.ts'
import { deleteOldSignInFailures } from './db/sign-in-failures.ts'
import { deleteOldRevocations } from './db/token-revocations.ts'
import type { Caller, Gateway } from './gateway.ts'
import type { Log } from './log.ts'
import { ResumableUploads } from './resumable-uploads.ts'

/** How long things are kept; 0 = for ever. */
export interface KeepTimes {
  readonly jobsDays: number
  readonly uploadsHours: number
  readonly logsDays: number
  readonly auditDays: number
}

export interface RetentionOptions {
  readonly db: Database
  readonly storage: StorageProvider
  readonly gateway: Pick<Gateway, 'deleteJob'>
  readonly keep: KeepTimes
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds between two rounds. @default one hour */
  readonly intervalMs?: number
}

/** Runs rounds until it is stopped. */
export interface Retention {
  /** One round now. @returns how many jobs, uploads and logs were deleted */
  run(): Promise<{ jobs: number; uploads: number; logs: number }>
  start(): void
  /** Waits for the round that runs. */
  stop(): Promise<void>
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Most jobs deleted in one round; the rest waits for the next. */
const jobsPerRound = 500
const keysPerPage = 1000
const bucket = 'media'
const caller: Caller = {
  userId: 'system',
  username: 'retention',
  role: 'admin',
  correlationId: 'retention',
}

/** Builds the retention; nothing runs before `start`. */
export function createRetention(options: RetentionOptions): Retention {
  const { db, storage, gateway, keep, clock, log, intervalMs = hourMs } = options
  let cancelNext = () => {}
  let running: Promise<unknown> = Promise.resolve()
  let stopped = false

  const run = async () => {
    await deleteExpiredSessions(db)
    await deleteOldRevocations(db)
    await deleteOldSignInFailures(db)
    await pruneIdempotencyKeys(db, dayMs)
    if (keep.auditDays > 0) await pruneAuditEvents(db, keep.auditDays)
    const jobs = keep.jobsDays === 0 ? 0 : await deleteOldJobs()
    const unfinished = await new ResumableUploads({ storage, clock }).removeExpired()
    const uploads = unfinished + (keep.uploadsHours === 0 ? 0 : await deleteOldUploads())
    const logs = keep.logsDays === 0 ? 0 : await deleteOldLogs()
    if (jobs + uploads + logs > 0) {
      log.info('deleted what was kept long enough', { jobs, uploads, logs })
      await insertAuditEvents(db, [eventOf({ jobs, uploads, logs })])
    }
    return { jobs, uploads, logs }
  }

  const deleteOldJobs = async () => {
    const ids = await listEndedJobIds(db, keep.jobsDays * dayMs, jobsPerRound)
    for (const id of ids) await gateway.deleteJob(id, caller)
    return ids.length
  }

  const deleteOldUploads = async () => {
    let deleted = 0
    for await (const page of pagesOf(storage, 'uploads/')) {
      const old = page.filter((object) => isOlder(object, keep.uploadsHours * hourMs))
      const used = await listUsedSources(db, old.map(({ key }) => sourceUrlOf(key)))
      const unused = old.filter(({ key }) => !used.has(sourceUrlOf(key)))
      for (const { key } of unused) await storage.delete({ bucket, path: key })
      deleted += unused.length
    }
    return deleted
  }

  const deleteOldLogs = async () => {
    let deleted = 0
    for await (const page of pagesOf(storage, 'jobs/')) {
      const old = page.filter((object) =>
        /^jobs\/[^/]+\/logs\//.test(object.key) && isOlder(object, keep.logsDays * dayMs)
      )
      for (const { key } of old) await storage.delete({ bucket, path: key })
      deleted += old.length
    }
    return deleted
  }

  const isOlder = (object: ObjectInfo, ageMs: number) =>
    object.lastModified * 1000 < clock.now() - ageMs

  const round = () => {
    running = run()
      .catch((error: unknown) => log.error('retention failed', { error }))
      .then(schedule)
  }
  const schedule = () => {
    if (!stopped) cancelNext = clock.after(intervalMs, round)
  }

  return {
    run,
    start: schedule,
    async stop() {
      stopped = true
      cancelNext()
      await running
    },
  }
}

/** What the audit says of a round. */
function eventOf(detail: Readonly<Record<string, number>>): NewAuditEvent {
  const { username: name, correlationId } = caller
  return {
    id: `retention-${randomUUID()}`,
    kind: 'system',
    action: 'retention.delete',
    actor: { id: null, name, role: null },
    clientIp: null,
    resourceType: null,
    resourceId: null,
    outcome: 'allowed',
    correlationId,
    detail,
  }
}

function sourceUrlOf(key: string): string {
  return `fs://${key}`
}

async function* pagesOf(storage: StorageProvider, prefix: string): AsyncGenerator<ObjectInfo[]> {
  let continuationToken: string | undefined
  do {
    const page = await storage.listObjects({
      bucket,
      prefix,
      maxKeys: keysPerPage,
      ...(continuationToken === undefined ? {} : { continuationToken }),
    })
    yield page.objects
    continuationToken = page.nextContinuationToken
  } while (continuationToken !== undefined)
}
