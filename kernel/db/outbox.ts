/** Effects that wait to be carried out. */
import type { OutboxEntry } from './actor-store.ts'
import { type Reader, sql } from './database.ts'
import { mayBeLost } from './durability.ts'

type TakenEntry = OutboxEntry & { readonly attempts: number }

/** Takes due rows, oldest first, and hides them for `hideMs`. */
export async function takeOutbox(
  db: Reader,
  limit: number,
  hideMs: number,
): Promise<readonly TakenEntry[]> {
  return await db.query<TakenEntry>(sql`
    WITH due AS MATERIALIZED (
      SELECT id, due_at
      FROM outbox
      WHERE due_at <= now() AND ${mayBeLost}
      ORDER BY due_at, seq
      LIMIT ${limit}::int
      FOR UPDATE SKIP LOCKED
    ),
      taken AS (
        UPDATE outbox o
        SET due_at = now() + make_interval(secs => ${hideMs / 1000}::float8)
        FROM due
        WHERE o.id = due.id
        RETURNING o.id, o.name, o.params, o.attempts, o.seq, due.due_at
      )
    SELECT id, name, params, attempts FROM taken ORDER BY taken.due_at, seq`)
}

/** Removes rows whose effect is done. */
export async function deleteOutbox(db: Reader, ids: readonly string[]): Promise<void> {
  await db.query(sql`DELETE FROM outbox WHERE id = ANY(${ids}::text[]) AND ${mayBeLost}`)
}

/** Makes rows due again after `delayMs` and counts an attempt. */
export async function postponeOutbox(
  db: Reader,
  ids: readonly string[],
  delayMs: number,
): Promise<void> {
  await db.query(sql`
    UPDATE outbox
    SET attempts = attempts + 1, due_at = now() + make_interval(secs => ${delayMs / 1000}::float8)
    WHERE id = ANY(${ids}::text[])`)
}
