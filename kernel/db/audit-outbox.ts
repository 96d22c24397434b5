/** Audit events that the bus has not acknowledged yet. */
import type { AuditEventView } from '../contract/audit.ts'
import { type AuditRecord, auditViewFrom } from './audit-events.ts'
import { type Reader, sql } from './database.ts'
import { mayBeLost } from './durability.ts'

/** An event on its way, and how often it was tried before. */
export interface UnsentEvent {
  readonly event: AuditEventView
  readonly attempts: number
}

/** Takes due events, oldest first, and hides them from other relays for `hideMs`. */
export async function takeAuditOutbox(
  db: Reader,
  limit: number,
  hideMs: number,
): Promise<readonly UnsentEvent[]> {
  const rows = await db.query<AuditRecord & { readonly attempts: number }>(sql`
    WITH due AS MATERIALIZED (
      SELECT id
      FROM audit_outbox
      WHERE due_at <= now() AND ${mayBeLost}
      ORDER BY due_at, id
      LIMIT ${limit}::int
      FOR UPDATE SKIP LOCKED
    ),
      taken AS (
        UPDATE audit_outbox o
        SET due_at = now() + make_interval(secs => ${hideMs / 1000}::float8)
        FROM due
        WHERE o.id = due.id
        RETURNING o.id, o.attempts
      )
    SELECT e.*, e.at::text AS key, taken.attempts
    FROM taken JOIN audit_events e ON e.id = taken.id
    ORDER BY e.at, e.id`)
  return rows.map(({ attempts, ...row }) => ({ event: auditViewFrom(row), attempts }))
}

/** Removes events that the bus has. */
export async function deleteAuditOutbox(db: Reader, ids: readonly string[]): Promise<void> {
  await db.query(sql`DELETE FROM audit_outbox WHERE id = ANY(${ids}::text[]) AND ${mayBeLost}`)
}

/** Makes events due again after `delayMs` and counts an attempt. */
export async function postponeAuditOutbox(
  db: Reader,
  ids: readonly string[],
  delayMs: number,
): Promise<void> {
  await db.query(sql`
    UPDATE audit_outbox
    SET attempts = attempts + 1, due_at = now() + make_interval(secs => ${delayMs / 1000}::float8)
    WHERE id = ANY(${ids}::text[])`)
}
