/** What must hold in the database when the chaos is over and every job has ended: each broken rule is a sentence. */
import { replayLog } from '../../../actors/engine/replay.ts'
import { createRegistry } from '../../../actors/engine/registry.ts'
import { actorDefinitions } from '../../../actors/definitions.ts'
import type { LogEntry, StoredActor } from '../../../kernel/db/actor-store.ts'
import { type Database, type Reader, sql } from '../../../kernel/db/database.ts'

interface Rule {
  /** Completes "The rule is broken that …". */
  readonly rule: string
  /** Answers what breaks it. */
  readonly broken: (db: Reader) => Promise<readonly { readonly what: string }[]>
}

const rules: readonly Rule[] = [
  {
    rule: 'every job ends',
    broken: (db) => db.query(sql`SELECT id AS what FROM jobs WHERE finished_at IS NULL`),
  },
  {
    rule: 'a job completes once',
    broken: (db) =>
      db.query(sql`
        SELECT l.actor_id AS what
        FROM event_log l
        JOIN jobs j ON j.id = l.actor_id
        WHERE l.event->>'type' = 'taskFinished' AND l.event->>'kind' = 'verify'
        GROUP BY l.actor_id
        HAVING count(*) > 1`),
  },
  {
    rule: 'a task is done once, unless its result was damaged',
    // What is made anew, because it was damaged or what it was made of was, is told so first.
    broken: (db) =>
      db.query(sql`
        SELECT l.actor_id || ' has ' || count(*) FILTER (WHERE l.event->>'type' IN ('finish', 'outdone')) || ' results' AS what
        FROM event_log l
        JOIN tasks t ON t.id = l.actor_id
        GROUP BY l.actor_id
        HAVING count(*) FILTER (WHERE l.event->>'type' IN ('finish', 'outdone')) >
          1 + count(*) FILTER (WHERE l.event->>'type' IN ('redo', 'requeue')) +
          greatest(0, count(*) FILTER (WHERE l.event->>'type' = 'inputsReady') - 1)`),
  },
  {
    rule: 'no hedge outlives its job',
    broken: (db) =>
      db.query(sql`
        SELECT h.id AS what
        FROM tasks h
        JOIN jobs j ON j.id = h.job_id
        JOIN actors a ON a.id = h.id
        WHERE h.hedge_of IS NOT NULL AND j.finished_at IS NOT NULL AND a.status = 'active'`),
  },
  {
    rule: 'effects are carried out',
    broken: (db) => db.query(sql`SELECT id AS what FROM outbox`),
  },
  {
    rule: 'no lease is open',
    broken: (db) => db.query(sql`SELECT id AS what FROM tasks WHERE lease_token IS NOT NULL`),
  },
  {
    rule: 'an actor that ended has no timer',
    broken: (db) =>
      db.query(sql`
        SELECT t.actor_id AS what FROM timers t
        LEFT JOIN actors a ON a.id = t.actor_id
        WHERE a.status IS DISTINCT FROM 'active'`),
  },
  {
    rule: 'nothing is set aside',
    broken: (db) => db.query(sql`SELECT id || ': ' || error AS what FROM dead_letters`),
  },
]

/** The broken rules, each with what breaks it. */
export async function listViolations(db: Database): Promise<string[]> {
  const violations: string[] = []
  for (const { rule, broken } of rules) {
    for (const { what } of await broken(db)) violations.push(`The rule that ${rule}: ${what}`)
  }
  return [...violations, ...await listReplayProblems(db)]
}

/** Every actor's log leads to what is stored. */
async function listReplayProblems(db: Database): Promise<string[]> {
  const registry = createRegistry(actorDefinitions)
  const actors = await db.query<StoredActor>(sql`
    SELECT id, type, machine_version AS "machineVersion", format, version, status, snapshot FROM actors`)
  const entries = await db.query<LogEntry>(sql`
    SELECT actor_id AS "actorId", version, event_id AS "eventId", event FROM event_log ORDER BY actor_id, version`)
  const logs = Map.groupBy(entries, ({ actorId }) => actorId)
  return actors.flatMap((actor) => {
    const { problem } = replayLog(registry, actor, logs.get(actor.id) ?? [])
    return problem === '' ? [] : [`The log of "${actor.id}" must lead to its snapshot: ${problem}`]
  })
}
