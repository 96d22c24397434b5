/** Events and effects that failed too often. */
import type { DeadLetter } from './actor-store.ts'
import { type Database, json, type Reader, sql } from './database.ts'

/** Sets letters aside; one that is there already gets the newer error. */
export async function insertDeadLetters(
  db: Database,
  letters: readonly DeadLetter[],
): Promise<void> {
  await db.query(sql`
    INSERT INTO dead_letters (id, kind, actor_id, payload, error)
    SELECT DISTINCT ON (r.id) r.id, r.kind, r."actorId", coalesce(r.payload, 'null'), r.error
    FROM jsonb_to_recordset(${
    json(letters)
  }) AS r(id text, kind text, "actorId" text, payload jsonb, error text)
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET payload = excluded.payload, error = excluded.error, at = now()`)
}

/** Letters, oldest first. */
export async function listDeadLetters(db: Reader, limit: number): Promise<readonly DeadLetter[]> {
  return await db.query<DeadLetter>(sql`
    SELECT id, kind, actor_id AS "actorId", payload, error
    FROM dead_letters
    ORDER BY at, id
    LIMIT ${limit}::int`)
}

/** Removes a letter that was redriven or given up. */
export async function deleteDeadLetter(db: Database, id: string): Promise<void> {
  await db.query(sql`DELETE FROM dead_letters WHERE id = ${id}`)
}
