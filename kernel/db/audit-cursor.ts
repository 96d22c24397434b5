/** Keyset paging of the audit: the opaque cursor that says where a page ended. */
import { WebEncodeError } from '../errors.ts'
import { nothing, sql, type Statement } from './database.ts'

/** The last row of a page: its time as Postgres prints it, and its id to tell equals apart. */
export interface AuditCursor {
  readonly key: string
  readonly id: string
}

/** How Postgres prints a time; anything else is refused before it reaches the cast. */
const timePattern = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/

/** The condition that a row comes after the cursor; nothing without one. */
export function afterAuditCursor(cursor: AuditCursor | undefined): Statement {
  if (cursor === undefined) return nothing
  return sql`AND (at, id) < (${cursor.key}::text::timestamptz, ${cursor.id}::text)`
}

/** The cursor as base64url text. */
export function auditCursorText({ key, id }: AuditCursor): string {
  return Buffer.from(`${key}\n${id}`).toString('base64url')
}

/** Reads a cursor that a client sent back. @throws WE-JOB-001 (path `cursor`) when it is none of ours */
export function parseAuditCursor(text: string): AuditCursor {
  const [key = '', id = '', ...rest] = Buffer.from(text, 'base64url').toString('utf8').split('\n')
  if (timePattern.test(key) && /^[^\0]{1,400}$/.test(id) && rest.length === 0) return { key, id }
  throw new WebEncodeError(
    'WE-JOB-001',
    'Cannot continue the list: cursor must be the next_cursor of a list of audit events',
    { path: 'cursor' },
  )
}
