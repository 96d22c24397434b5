/** Keyset paging of the job list: the sort keys, and the opaque cursor that says where a page ended. */
import { WebEncodeError } from '../errors.ts'
import { nothing, sql, type Statement } from './database.ts'

/** Columns that the job list can be sorted by. */
export const jobSorts = ['created_at', 'eta_seconds', 'progress_pct'] as const
export type JobSort = (typeof jobSorts)[number]
export type SortOrder = 'asc' | 'desc'

/** The last row of a page: its sort key as Postgres prints it, and its id to tell equals apart. */
export interface JobCursor {
  readonly sort: JobSort
  readonly order: SortOrder
  readonly key: string
  readonly id: string
}

/** How Postgres prints each kind of key; anything else in a cursor is refused before it reaches a cast. */
const keyPatterns: Record<JobSort, RegExp> = {
  created_at: /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/,
  eta_seconds: /^-?\d{1,10}$/,
  progress_pct: /^\d{1,3}(\.\d{1,9})?(e-\d{1,2})?$/,
}

/** The expression that sorts. A job without an ETA comes last, whichever the order. */
export function sortKeyOf(sort: JobSort, order: SortOrder): Statement {
  switch (sort) {
    case 'created_at':
      return sql`created_at`
    case 'progress_pct':
      return sql`progress_pct`
    case 'eta_seconds':
      return order === 'asc'
        ? sql`coalesce(eta_seconds, 2147483647)`
        : sql`coalesce(eta_seconds, -1)`
  }
}

/** `ORDER BY` for a sort. */
export function orderBy(sort: JobSort, order: SortOrder): Statement {
  const key = sortKeyOf(sort, order)
  return order === 'asc' ? sql`ORDER BY ${key} ASC, id ASC` : sql`ORDER BY ${key} DESC, id DESC`
}

/** The condition that a row comes after the cursor; nothing without one. */
export function afterCursor(cursor: JobCursor | undefined): Statement {
  if (cursor === undefined) return nothing
  const key = sortKeyOf(cursor.sort, cursor.order)
  const last = sql`(${castOf(cursor)}, ${cursor.id}::text)`
  return cursor.order === 'asc' ? sql`AND (${key}, id) > ${last}` : sql`AND (${key}, id) < ${last}`
}

function castOf({ sort, key }: JobCursor): Statement {
  switch (sort) {
    case 'created_at':
      return sql`${key}::text::timestamptz`
    case 'eta_seconds':
      return sql`${key}::text::int`
    case 'progress_pct':
      return sql`${key}::text::real`
  }
}

/** The cursor as base64url text. */
export function cursorText(cursor: JobCursor): string {
  const fields = [cursor.sort, cursor.order, cursor.key, cursor.id]
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/**
 * Reads a cursor that a client sent back.
 * @throws WE-JOB-001 (path `cursor`) when it is not one of ours, or of another sort or order
 */
export function parseCursor(text: string, sort: JobSort, order: SortOrder): JobCursor {
  const fields = jsonArrayOf(Buffer.from(text, 'base64url').toString('utf8'))
  const [cursorSort, cursorOrder, key, id] = fields
  const isOurs = fields.length === 4 && typeof key === 'string' && typeof id === 'string' &&
    id.length <= 200 &&
    !id.includes('\0')
  if (!isOurs || cursorSort !== sort || cursorOrder !== order || !keyPatterns[sort].test(key)) {
    throw new WebEncodeError(
      'WE-JOB-001',
      `Cannot continue the list: cursor must be the next_cursor of a list sorted by ${sort} ${order}`,
      { path: 'cursor' },
    )
  }
  return { sort, order, key, id }
}

function jsonArrayOf(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    // Not JSON, so not a cursor of ours: the caller refuses the empty list with its own message.
    return []
  }
}
