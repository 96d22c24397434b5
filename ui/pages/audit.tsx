/** The audit: who did what, what happened by itself; filter, pages of 50, CSV. */
import { z } from 'zod'
import { auditKinds, auditOutcomes } from '../../kernel/contract/audit.ts'
import { type AuditPage as Page, listAuditEvents } from '../../kernel/db/audit-events.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { AuditTable } from '../components/audit-list.tsx'
import { AuditFilters } from '../components/audit-filters.tsx'
import { Icon } from '../components/icons.tsx'
import { Empty, PageHeading } from '../components/panels.tsx'

/** Events of one page. */
const pageSize = 50

const word = z.string().trim().max(300).catch('').default('')
const day = z.iso.date().or(z.literal('')).catch('').default('')

/** The query of the page; what is not understood counts as not given. Days are UTC. */
const querySchema = z.object({
  kind: z.enum(auditKinds).optional().catch(undefined),
  outcome: z.enum(auditOutcomes).optional().catch(undefined),
  action: word,
  actor: word,
  resource: word,
  from: day,
  to: day,
  cursor: z.string().max(1000).optional().catch(undefined),
})
export type AuditPageQuery = z.infer<typeof querySchema>

/** Everything that the page shows. */
export interface AuditView {
  readonly query: AuditPageQuery
  readonly page: Page
  readonly now: number
}

/** The page's query from its address. */
export function auditQueryFrom(query: Record<string, string>): AuditPageQuery {
  return querySchema.parse(query)
}

/** Reads one page. @throws WE-JOB-001 when the cursor is none of ours */
export async function loadAudit(
  db: Reader,
  query: AuditPageQuery,
  now: number,
): Promise<AuditView> {
  const { kind, outcome, action, actor, resource, from, to, cursor } = query
  const page = await listAuditEvents(db, {
    limit: pageSize,
    ...(kind && { kind }),
    ...(outcome && { outcome }),
    ...(action !== '' && { action: plain(action) }),
    ...(actor !== '' && { actor: plain(actor) }),
    ...(resource !== '' && { resourceId: plain(resource) }),
    ...(from !== '' && { from: new Date(from) }),
    ...(to !== '' && { to: endOf(to) }),
    ...(cursor !== undefined && { cursor }),
  })
  return { query, page, now }
}

/** The whole page. */
export function AuditPage({ view }: { view: AuditView }) {
  const { query, page, now } = view
  return (
    <>
      <PageHeading
        title='Audit'
        description='What people did and what happened by itself. Rows are added and never changed.'
      >
        <a class='btn' data-variant='outline' href={exportAddressOf(query)} download>
          <Icon name='download' />
          Export CSV
        </a>
      </PageHeading>
      <div class='card gap-0 py-0'>
        <AuditFilters query={query} />
        {page.events.length === 0
          ? <NoEvents isFiltered={addressOf(query, { cursor: undefined }) !== '/audit'} />
          : <AuditTable events={page.events} now={now} />}
        <Pages view={view} />
      </div>
    </>
  )
}

function Pages({ view: { query, page: { nextCursor } } }: { view: AuditView }) {
  if (nextCursor === null && query.cursor === undefined) return null
  return (
    <nav
      aria-label='Pages'
      class='flex items-center justify-between border-t border-border px-5 py-3'
    >
      {query.cursor === undefined ? <span /> : (
        <a
          class='btn'
          data-variant='outline'
          data-size='sm'
          href={addressOf(query, { cursor: undefined })}
        >
          <Icon name='arrow-left' />
          First page
        </a>
      )}
      {nextCursor === null ? <span /> : (
        <a
          class='btn'
          data-variant='outline'
          data-size='sm'
          href={addressOf(query, { cursor: nextCursor })}
          rel='next'
        >
          Next page
          <Icon name='arrow-right' />
        </a>
      )}
    </nav>
  )
}

function NoEvents({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) {
    return (
      <Empty icon='scroll-text' title='Nothing happened yet'>
        Whatever somebody creates, changes or deletes appears here.
      </Empty>
    )
  }
  return (
    <Empty
      icon='search'
      title='No events match'
      action={<a class='btn' data-variant='outline' href='/audit'>Show all events</a>}
    >
      Try another word or day.
    </Empty>
  )
}

/** The address of the page with another cursor. */
export function addressOf(
  query: AuditPageQuery,
  changes: { readonly cursor: string | undefined },
): string {
  const params = paramsOf({ ...query, ...changes })
  return params === '' ? '/audit' : `/audit?${params}`
}

/** The same filters for the API, whose end is a moment and whose resource has another name. */
export function exportAddressOf({ resource, to, cursor: _, ...same }: AuditPageQuery): string {
  const end = to === '' ? '' : endOf(to).toISOString()
  const params = paramsOf({ ...same, resource_id: resource, to: end })
  return `/v1/audit/export.csv${params === '' ? '' : `?${params}`}`
}

function paramsOf(fields: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(fields).filter((field): field is [string, string] =>
    field[1] !== undefined && field[1] !== ''
  )
  return new URLSearchParams(given).toString()
}

/** The last day counts whole. */
function endOf(date: string): Date {
  return new Date(Date.parse(date) + 86_400_000)
}

/** Postgres cannot look for NUL. */
function plain(text: string): string {
  return text.replaceAll('\0', '')
}
