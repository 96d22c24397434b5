/** Writing a batch: one statement, made of the parts that have rows. */
import type { BatchChanges } from './actor-store.ts'
import { auditInsert } from './audit-events.ts'
import { json, type Reader, sql, type Statement } from './database.ts'
import { upsertPlugins } from './plugin-instances.ts'
import { upsertJobs, upsertTasks, upsertWorkers } from './read-models.ts'
import { systemEventsFrom } from './system-events.ts'

/** Writes everything that a batch changed. See `ActorTransaction.write`. */
export async function writeBatch(tx: Reader, changes: BatchChanges): Promise<void> {
  const parts = partsOf(changes)
  const [first, ...rest] = parts
  if (first === undefined) return
  const tables = rest.reduce((all, part, i) => sql`${all}, ${named(i + 1, part)}`, named(0, first))
  await tx.query(sql`WITH ${tables} SELECT 1 AS written`)
}

function partsOf(changes: BatchChanges): Statement[] {
  const isSet = new Set(changes.timersSet.map(({ actorId, key }) => `${actorId}\n${key}`))
  const cancelled = changes.timersCancelled.filter(({ actorId, key }) =>
    !isSet.has(`${actorId}\n${key}`)
  )
  return [
    ...partFor(changes.creates, insertActors),
    ...partFor(changes.updates, updateActors),
    ...partFor(changes.log, insertLog),
    ...partFor(changes.outbox, insertOutbox),
    ...partFor(systemEventsFrom(changes.outbox), auditInsert),
    ...partFor(changes.timersSet, upsertTimers),
    ...partFor(cancelled, deleteTimers),
    ...partFor(changes.timersCleared, (actorIds) => clearTimers(actorIds, changes.timersSet)),
    ...partFor(changes.jobs, upsertJobs),
    ...partFor(changes.tasks, upsertTasks),
    ...partFor(changes.workers, upsertWorkers),
    ...partFor(changes.plugins, upsertPlugins),
  ]
}

function partFor<Row>(
  rows: readonly Row[],
  statement: (rows: readonly Row[]) => Statement,
): Statement[] {
  return rows.length === 0 ? [] : [statement(rows)]
}

const partNames = Array.from(
  { length: 13 },
  (_, i): Statement => ({ text: `part${i}`, values: [] }),
)

function named(i: number, part: Statement): Statement {
  return sql`${partNames[i] ?? part} AS (${part})`
}

function insertActors(actors: BatchChanges['creates']): Statement {
  return sql`
    INSERT INTO actors (id, type, machine_version, format, version, status, snapshot)
    SELECT r.id, r.type, r."machineVersion", r.format, r.version, r.status, r.snapshot
    FROM jsonb_to_recordset(${json(actors)}) AS r(
      id text, type text, "machineVersion" int, format text, version bigint, status text, snapshot jsonb
    )
    ORDER BY r.id`
}

function updateActors(actors: BatchChanges['updates']): Statement {
  return sql`
    UPDATE actors a
    SET machine_version = r."machineVersion", format = r.format, version = r.version, status = r.status,
      snapshot = r.snapshot, updated_at = now()
    FROM jsonb_to_recordset(${json(actors)}) AS r(
      id text, "machineVersion" int, format text, version bigint, status text, snapshot jsonb
    )
    WHERE a.id = r.id`
}

function insertLog(entries: BatchChanges['log']): Statement {
  return sql`
    INSERT INTO event_log (actor_id, version, event_id, event)
    SELECT r."actorId", r.version, r."eventId", r.event
    FROM jsonb_to_recordset(${
    json(entries)
  }) AS r("actorId" text, version bigint, "eventId" text, event jsonb)`
}

function insertOutbox(entries: BatchChanges['outbox']): Statement {
  return sql`
    INSERT INTO outbox (id, name, params)
    SELECT r.id, r.name, r.params
    FROM jsonb_to_recordset(${json(entries)}) AS r(id text, name text, params jsonb)`
}

function upsertTimers(timers: BatchChanges['timersSet']): Statement {
  return sql`
    INSERT INTO timers (actor_id, key, uid, fire_at, event)
    SELECT r."actorId", r.key, r.uid, now() + make_interval(secs => r."delayMs" / 1000), r.event
    FROM jsonb_to_recordset(${json(timers)}) AS r(
      "actorId" text, key text, uid text, "delayMs" float8, event jsonb
    )
    ON CONFLICT (actor_id, key) DO UPDATE
    SET uid = excluded.uid, fire_at = excluded.fire_at, event = excluded.event`
}

function deleteTimers(timers: BatchChanges['timersCancelled']): Statement {
  return sql`
    DELETE FROM timers t
    USING jsonb_to_recordset(${json(timers)}) AS r("actorId" text, key text)
    WHERE t.actor_id = r."actorId" AND t.key = r.key`
}

/** A timer that the same batch sets stays: one statement may not touch a row twice. */
function clearTimers(actorIds: readonly string[], set: BatchChanges['timersSet']): Statement {
  return sql`
    DELETE FROM timers t
    WHERE t.actor_id = ANY(${actorIds}::text[])
      AND NOT EXISTS (
        SELECT FROM jsonb_to_recordset(${json(set)}) AS s("actorId" text, key text)
        WHERE t.actor_id = s."actorId" AND t.key = s.key
      )`
}
