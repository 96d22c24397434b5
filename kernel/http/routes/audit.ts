/** Routes of the audit: pages of events, and the whole as CSV. */
import { z } from 'zod'
import { auditCsvPages } from '../../audit/csv.ts'
import { auditEventSchema, auditKinds, auditOutcomes } from '../../contract/audit.ts'
import { type AuditQuery, listAuditEvents } from '../../db/audit-events.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { plainText } from './input.ts'

const event = auditEventSchema.meta({ id: 'AuditEvent' })
const word = plainText(z.string().min(1).max(300))
/** A moment with its offset, or a day, which begins in UTC. */
const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()])

const filters = {
  kind: z.enum(auditKinds).optional(),
  outcome: z.enum(auditOutcomes).optional(),
  /** `job.create`, or `job` for every action on jobs. */
  action: word.optional(),
  /** User id or name. */
  actor: word.optional(),
  resource_type: word.optional(),
  resource_id: word.optional(),
  /** Not before. */
  from: moment.optional(),
  /** Before. */
  to: moment.optional(),
}
const filterQuery = z.strictObject(filters)
const listQuery = z.strictObject({
  ...filters,
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  cursor: z.string().max(1000).optional(),
})

const list = route('get', '/v1/audit', {
  summary: 'List what people did and what happened by itself',
  request: { query: listQuery },
  responses: {
    200: json(
      z.strictObject({ events: z.array(event), next_cursor: z.string().nullable() }),
      'A page, the newest first',
    ),
  },
})

const exportCsv = route('get', '/v1/audit/export.csv', {
  summary: 'Download the audit as CSV, the newest first',
  request: { query: filterQuery },
  responses: {
    200: {
      description: 'One line an event',
      content: { 'text/csv': { schema: z.string() } },
    },
  },
})

/** Routes below `/v1/audit`. */
export function auditRoutes({ db, log }: HttpDeps) {
  return createApi()
    .openapi(list, async (c) => {
      const { limit, cursor, ...given } = c.req.valid('query')
      const page = await listAuditEvents(db, {
        ...auditQueryFrom(given),
        ...(limit !== undefined && { limit }),
        ...(cursor !== undefined && { cursor }),
      })
      return c.json({ events: page.events, next_cursor: page.nextCursor }, 200)
    })
    .openapi(exportCsv, (c) => {
      const pages = auditCsvPages(db, auditQueryFrom(c.req.valid('query')))
      c.header('Content-Type', 'text/csv; charset=utf-8')
      c.header('Content-Disposition', 'attachment; filename="audit.csv"')
      c.header('Cache-Control', 'private, no-store')
      return c.body(
        streamOf(pages, (failure) => log.error('an export broke off', { failure })),
        200,
      )
    })
}

function auditQueryFrom(
  query: z.infer<typeof filterQuery>,
): Omit<AuditQuery, 'limit' | 'cursor'> {
  const { kind, outcome, action, actor, resource_type, resource_id, from, to } = query
  return {
    ...(kind !== undefined && { kind }),
    ...(outcome !== undefined && { outcome }),
    ...(action !== undefined && { action }),
    ...(actor !== undefined && { actor }),
    ...(resource_type !== undefined && { resourceType: resource_type }),
    ...(resource_id !== undefined && { resourceId: resource_id }),
    ...(from !== undefined && { from: new Date(from) }),
    ...(to !== undefined && { to: new Date(to) }),
  }
}

/** Reads a page when there is room for it, and none before. */
function streamOf(
  pages: AsyncGenerator<string>,
  onFailure: (failure: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pages.next()
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      } catch (failure) {
        onFailure(failure)
        throw failure
      }
    },
    async cancel() {
      await pages.return(undefined)
    },
  }, { highWaterMark: 0 })
}
