/** Timers of actors, by the database clock. */
import type { DueTimer } from './actor-store.ts'
import { type Reader, sql } from './database.ts'

/** Timers that are due, longest overdue first. They stay until their event is applied. */
export async function listDueTimers(db: Reader, limit: number): Promise<readonly DueTimer[]> {
  return await db.query<DueTimer>(sql`
    SELECT actor_id AS "actorId", key, uid, event
    FROM timers
    WHERE fire_at <= now()
    ORDER BY fire_at
    LIMIT ${limit}::int`)
}

/** Milliseconds until the next timer; 0 when it is overdue; null without one. */
export async function nextTimerMs(db: Reader): Promise<number | null> {
  const [row] = await db.query<{ ms: number | null }>(sql`
    SELECT (extract(epoch FROM min(fire_at) - now()) * 1000)::float8 AS ms
    FROM timers`)
  const ms = row?.ms ?? null
  return ms === null ? null : Math.max(0, ms)
}
