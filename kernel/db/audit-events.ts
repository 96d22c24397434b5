/** The rows of `audit_events`: added, listed, and deleted when their time is over. Nothing changes them. */
import {
  type AuditEventView,
  type AuditKind,
  type AuditOutcome,
  longestDetail,
  type NewAuditEvent,
} from '../contract/audit.ts'
import { afterAuditCursor, auditCursorText, parseAuditCursor } from './audit-cursor.ts'
import { type Database, json, nothing, type Reader, sql, type Statement } from './database.ts'

/** What to list: every given condition must hold. */
export interface AuditQuery {
  readonly kind?: AuditKind
  readonly outcome?: AuditOutcome
  /** The whole word, or its first half: `job` finds every action on jobs. */
  readonly action?: string
  /** User id or name. */
  readonly actor?: string
  readonly resourceType?: string
  readonly resourceId?: string
  /** Not before. */
  readonly from?: Date
  /** Before. */
  readonly to?: Date
  /** Rows of a page, 1 to 1000. @default 50 */
  readonly limit?: number
  /** `nextCursor` of the page before. */
  readonly cursor?: string
}

export interface AuditPage {
  /** The newest first. */
  readonly events: AuditEventView[]
  /** For the next page; null on the last one. */
  readonly nextCursor: string | null
}

/** Adds events with one statement. An id that is there already is left alone. */
export async function insertAuditEvents(
  db: Reader,
  events: readonly NewAuditEvent[],
): Promise<void> {
  await db.query(auditInsert(events))
}

/** The statement of {@link insertAuditEvents}, to be part of a larger one. */
export function auditInsert(events: readonly NewAuditEvent[]): Statement {
  return sql`
    INSERT INTO audit_events (id, kind, action, actor_id, actor_name, actor_role, client_ip, resource_type,
      resource_id, outcome, correlation_id, detail)
    SELECT r.id, r.kind, r.action, r.actor->>'id', r.actor->>'name', r.actor->>'role', r."clientIp",
      r."resourceType", r."resourceId", r.outcome, r."correlationId", r.detail
    FROM jsonb_to_recordset(${json(events.map(bounded))}) AS r(
      id text, kind text, action text, actor jsonb, "clientIp" text, "resourceType" text, "resourceId" text,
      outcome text, "correlationId" text, detail jsonb
    )
    ON CONFLICT (id) DO NOTHING`
}

/**
 * One page, the newest first.
 * @throws WE-JOB-001 (path `cursor`) when the cursor is none of ours
 * @throws RangeError when the limit is out of range
 */
export async function listAuditEvents(db: Reader, query: AuditQuery = {}): Promise<AuditPage> {
  const { limit = 50 } = query
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new RangeError(
      `Cannot list audit events: limit must be an integer from 1 to 1000, and it is ${limit}`,
    )
  }
  const after = query.cursor === undefined ? undefined : parseAuditCursor(query.cursor)
  const rows = await db.query<AuditRecord>(sql`
    SELECT id, at, kind, action, actor_id, actor_name, actor_role, client_ip, resource_type, resource_id, outcome,
      correlation_id, detail, at::text AS key
    FROM audit_events
    WHERE true ${conditionsOf(query)} ${afterAuditCursor(after)}
    ORDER BY at DESC, id DESC
    LIMIT ${limit + 1}::int`)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const nextCursor = rows.length > limit && last !== undefined ? auditCursorText(last) : null
  return { events: page.map(auditViewFrom), nextCursor }
}

/** Rows that one statement deletes, so that none takes long. */
const pruneRows = 5000

/** Deletes what is older than `keepDays`, 1 or more. @returns how many */
export async function pruneAuditEvents(db: Database, keepDays: number): Promise<number> {
  let pruned = 0
  for (;;) {
    const [row] = await db.query<{ gone: number }>(
      sql`SELECT prune_audit_events(${keepDays}::int, ${pruneRows}::int) AS gone`,
    )
    const gone = row?.gone ?? 0
    pruned += gone
    if (gone < pruneRows) return pruned
  }
}

/** A row as both lists and the outbox read it. */
export interface AuditRecord extends Omit<AuditEventView, 'at'> {
  readonly at: Date
  /** `at` with its microseconds. */
  readonly key: string
}

/** The row as people and programs see it. */
export function auditViewFrom({ key: _, at, ...row }: AuditRecord): AuditEventView {
  return { ...row, at: at.toISOString() }
}

function conditionsOf(query: AuditQuery): Statement {
  const conditions = [
    query.kind === undefined ? nothing : sql`AND kind = ${query.kind}`,
    query.outcome === undefined ? nothing : sql`AND outcome = ${query.outcome}`,
    query.action === undefined ? nothing : actionCondition(query.action),
    query.actor === undefined
      ? nothing
      : sql`AND (actor_id = ${query.actor} OR actor_name = ${query.actor})`,
    query.resourceType === undefined ? nothing : sql`AND resource_type = ${query.resourceType}`,
    query.resourceId === undefined ? nothing : sql`AND resource_id = ${query.resourceId}`,
    query.from === undefined ? nothing : sql`AND at >= ${query.from}`,
    query.to === undefined ? nothing : sql`AND at < ${query.to}`,
  ]
  return conditions.reduce((all, condition) => sql`${all} ${condition}`, nothing)
}

function actionCondition(action: string): Statement {
  return action.includes('.')
    ? sql`AND action = ${action}`
    : sql`AND starts_with(action, ${`${action}.`})`
}

/** What comes from outside is cut: a row stays small whatever a header or a path holds. */
function bounded(event: NewAuditEvent): NewAuditEvent {
  const { actor: { id, name, role } } = event
  const isLong = JSON.stringify(event.detail).length > longestDetail
  return {
    ...event,
    actor: { id: cut(id, 200), name: cut(name, 200), role },
    clientIp: cut(event.clientIp, 64),
    resourceId: cut(event.resourceId, 300),
    detail: isLong
      ? { cut: JSON.stringify(event.detail).slice(0, longestDetail / 2) }
      : event.detail,
  }
}

function cut(text: string | null, most: number): string | null {
  return text === null || text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
