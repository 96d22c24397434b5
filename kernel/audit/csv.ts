/** The audit as CSV, page by page: as much in memory as one page, however many rows. */
import type { AuditEventView } from '../contract/audit.ts'
import { type AuditQuery, listAuditEvents } from '../db/audit-events.ts'
import type { Reader } from '../db/database.ts'

const columns = [
  'at',
  'kind',
  'action',
  'outcome',
  'actor_id',
  'actor_name',
  'actor_role',
  'client_ip',
  'resource_type',
  'resource_id',
  'correlation_id',
  'detail',
  'id',
] as const satisfies readonly (keyof AuditEventView)[]

/** Rows that are read at once. */
const pageRows = 1000

/** The lines of an export, the newest event first, a page at a time. */
export async function* auditCsvPages(
  db: Reader,
  query: Omit<AuditQuery, 'limit' | 'cursor'>,
): AsyncGenerator<string> {
  yield csvLine(columns)
  let cursor: string | undefined
  do {
    const page = await listAuditEvents(db, {
      ...query,
      limit: pageRows,
      ...(cursor === undefined ? {} : { cursor }),
    })
    if (page.events.length > 0) yield page.events.map(lineOf).join('')
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

function lineOf(event: AuditEventView): string {
  return csvLine(columns.map((column) => {
    const value = event[column]
    return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
  }))
}

/** A line as RFC 4180 has it. */
export function csvLine(cells: readonly string[]): string {
  return cells.map(csvCell).join(',') + '\r\n'
}

/**
 * One cell. Text that a spreadsheet would take for a formula gets an apostrophe before it: others chose that text.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
function csvCell(text: string): string {
  const harmless = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}
