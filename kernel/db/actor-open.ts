/** Opening a batch: one statement that locks and reads actors, records events, consumes timers and looks at leases. */
import type { BatchRequest, BatchState, StoredActor } from './actor-store.ts'
import { json, type Reader, sql, type Statement } from './database.ts'

interface OpenRecord {
  readonly actors: readonly (readonly [
    id: string,
    type: string,
    machineVersion: number,
    version: number,
    status: StoredActor['status'],
    snapshot: StoredActor['snapshot'],
  ])[]
  readonly fresh?: readonly string[]
  readonly fired?: readonly string[]
  readonly expired?: readonly string[]
  readonly now_ms: number
}

/** Locks, reads and consumes. See `ActorTransaction.open`. */
export async function openBatch(tx: Reader, request: BatchRequest): Promise<BatchState> {
  const [row] = await tx.query<OpenRecord>(openStatement(request))
  if (row === undefined) {
    throw new TypeError('openBatch: aggregates without a GROUP BY answer one row')
  }
  return {
    actors: new Map(row.actors.map(([id, type, machineVersion, version, status, snapshot]) => [
      id,
      { id, type, machineVersion, format: 'xstate5', version, status, snapshot },
    ])),
    fresh: new Set(row.fresh),
    fired: new Set(row.fired),
    expired: new Set(row.expired),
    nowMs: row.now_ms,
  }
}

function openStatement(request: BatchRequest): Statement {
  const parts = [
    locked(request.actorIds),
    ...(request.events.length > 0 ? [fresh(request)] : []),
    ...(request.timers.length > 0 ? [fired(request)] : []),
    ...(request.expiredLeases.length > 0 ? [expired(request)] : []),
  ]
  return sql`
    WITH ${parts.map((part) => part.table).reduce((all, table) => sql`${all}, ${table}`)}
    SELECT ${parts.map((part) => part.column).reduce((all, column) => sql`${all}, ${column}`)},
      (extract(epoch FROM now()) * 1000)::float8 AS now_ms`
}

/** A table of the WITH clause, and the column of the answer that it fills. */
interface OpenPart {
  readonly table: Statement
  readonly column: Statement
}

/** Every transaction locks actors in the order of their ids, so that two of them never wait for each other. */
function locked(actorIds: readonly string[]): OpenPart {
  return {
    table: sql`
      locked AS MATERIALIZED (
        SELECT id, type, machine_version, version, status, snapshot
        FROM actors
        WHERE id = ANY(${actorIds}::text[])
        ORDER BY id
        FOR UPDATE
      )`,
    column: sql`(
      SELECT coalesce(json_agg(json_build_array(id, type, machine_version, version, status, snapshot)), '[]')
      FROM locked
    ) AS actors`,
  }
}

/** The count makes the locks come first; the order keeps two writers of the same rows from waiting for each other. */
function fresh({ events }: BatchRequest): OpenPart {
  return {
    table: sql`
      fresh AS (
        INSERT INTO inbox (actor_id, event_id)
        SELECT e."actorId", e."eventId"
        FROM jsonb_to_recordset(${json(events)}) AS e("actorId" text, "eventId" text)
        WHERE (SELECT count(*) FROM locked) >= 0
        ORDER BY e."actorId", e."eventId"
        ON CONFLICT DO NOTHING
        RETURNING actor_id || E'\n' || event_id AS name
      )`,
    column: sql`(SELECT json_agg(name) FROM fresh) AS fresh`,
  }
}

function fired({ timers }: BatchRequest): OpenPart {
  return {
    table: sql`
      fired AS (
        DELETE FROM timers t
        USING jsonb_to_recordset(${json(timers)}) AS f("actorId" text, key text, uid text)
        WHERE t.actor_id = f."actorId" AND t.key = f.key AND t.uid = f.uid AND (SELECT count(*) FROM locked) >= 0
        RETURNING t.actor_id || E'\n' || t.key || E'\n' || t.uid AS name
      )`,
    column: sql`(SELECT json_agg(name) FROM fired) AS fired`,
  }
}

/** The row is locked, so that a renewal either came before and is seen, or comes after and finds the lease gone. */
function expired({ expiredLeases }: BatchRequest): OpenPart {
  return {
    table: sql`
      expired AS (
        SELECT t.id || E'\n' || t.lease_token AS name
        FROM tasks t
        JOIN jsonb_to_recordset(${json(expiredLeases)}) AS l("taskId" text, "leaseToken" text)
          ON t.id = l."taskId" AND t.lease_token = l."leaseToken"
        WHERE t.lease_until <= now() AND (SELECT count(*) FROM locked) >= 0
        ORDER BY t.id
        FOR NO KEY UPDATE OF t
      )`,
    column: sql`(SELECT json_agg(name) FROM expired) AS expired`,
  }
}
