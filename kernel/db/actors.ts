/** The actor store in SQL: one statement to open a batch, one to write it. */
import { openBatch } from './actor-open.ts'
import type { ActorStore, ActorTransaction, LogEntry, StoredActor } from './actor-store.ts'
import { writeBatch } from './actor-write.ts'
import { type Database, type Reader, sql, type Writer } from './database.ts'
import { deleteDeadLetter, insertDeadLetters, listDeadLetters } from './dead-letters.ts'
import { createEncoderSets } from './encoder-sets.ts'
import {
  listExpiredLeases,
  listStaleReady,
  listTaskIds,
  listWorkerLeases,
  renewLeases,
} from './leases.ts'
import { deleteOutbox, postponeOutbox, takeOutbox } from './outbox.ts'
import { pickReady } from './pick-ready.ts'
import { type ReadyParts, readySourceOver } from './ready-tasks.ts'
import { listDueTimers, nextTimerMs } from './timers.ts'

/** PostgreSQL works on one transaction while the engine computes the next; more than three gain nothing. */
const concurrency = { pglite: 1, postgres: 3 }

export interface ActorStoreOptions {
  /** Whether claims follow what admins want of encoder plugins, and their rules. @default true */
  readonly hasEncoderRules?: boolean
}

/** The store of the actor engine over a migrated database. */
export function createActorStore(
  db: Database,
  { hasEncoderRules = true }: ActorStoreOptions = {},
): ActorStore {
  const ready = { sets: createEncoderSets(), hasRules: hasEncoderRules }
  return {
    concurrency: concurrency[db.kind],
    transaction: (work) => db.transaction((tx) => work(actorTransactionOver(tx, ready))),
    takeOutbox: (limit, hideMs) => takeOutbox(db, limit, hideMs),
    deleteOutbox: (ids) => deleteOutbox(db, ids),
    postponeOutbox: (ids, delayMs) => postponeOutbox(db, ids, delayMs),
    listDueTimers: (limit) => listDueTimers(db, limit),
    nextTimerMs: () => nextTimerMs(db),
    listExpiredLeases: (limit) => listExpiredLeases(db, limit),
    listStaleReady: (olderThanMs, limit) => listStaleReady(db, olderThanMs, limit),
    listWorkerLeases: (workerId) => listWorkerLeases(db, workerId),
    listTaskIds: (jobId) => listTaskIds(db, jobId),
    renewLeases: (workerId, leases, leaseMs) => renewLeases(db, workerId, leases, leaseMs),
    quarantine: (letters) => insertDeadLetters(db, letters),
    listDeadLetters: (limit) => listDeadLetters(db, limit),
    deleteDeadLetter: (id) => deleteDeadLetter(db, id),
    readActor: (id) => readActor(db, id),
    readLog: (actorId) => readLog(db, actorId),
    pruneInbox: (olderThanMs) => pruneInbox(db, olderThanMs),
  }
}

function actorTransactionOver(tx: Writer, ready: ReadyParts): ActorTransaction {
  return {
    open: (request) => openBatch(tx, request),
    pickReady: (requests, except) => pickReady(readySourceOver(tx, ready), requests, except),
    write: (changes) => writeBatch(tx, changes),
  }
}

async function readActor(db: Reader, id: string): Promise<StoredActor | undefined> {
  const [row] = await db.query<StoredActor>(sql`
    SELECT id, type, machine_version AS "machineVersion", format, version, status, snapshot
    FROM actors
    WHERE id = ${id}`)
  return row
}

async function readLog(db: Reader, actorId: string): Promise<readonly LogEntry[]> {
  return await db.query<LogEntry>(sql`
    SELECT actor_id AS "actorId", version, event_id AS "eventId", event
    FROM event_log
    WHERE actor_id = ${actorId}
    ORDER BY version`)
}

/** Rows that one statement deletes, so that none takes long. */
const pruneRows = 10_000

async function pruneInbox(db: Database, olderThanMs: number): Promise<number> {
  let pruned = 0
  for (;;) {
    const [row] = await db.query<{ deleted: number }>(sql`
      WITH old AS (
        SELECT ctid FROM inbox
        WHERE at < now() - make_interval(secs => ${olderThanMs / 1000}::float8)
        LIMIT ${pruneRows}::int
      ),
        deleted AS (DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM old) RETURNING 1)
      SELECT count(*)::int AS deleted FROM deleted`)
    const deleted = row?.deleted ?? 0
    pruned += deleted
    if (deleted < pruneRows) return pruned
  }
}
