/** Routes of jobs: create, list, read, cancel, retry, delete. */
import { z } from 'zod'
import { createJobSchema, jobDetailSchema, jobStatuses, jobViewSchema } from '../../contract/job.ts'
import { jobSorts } from '../../db/job-cursor.ts'
import { listJobs } from '../../db/jobs.ts'
import { readWaitReason } from '../../db/wait-reason.ts'
import { noteAudit } from '../audit.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { idParams, plainText, requireJob } from './input.ts'

const job = jobViewSchema
  .extend({ media: z.record(z.string(), z.unknown()).nullable() })
  .meta({ id: 'Job' })

/** A job that is read by itself. */
const detail = jobDetailSchema
  .extend({ media: z.record(z.string(), z.unknown()).nullable() })
  .meta({ id: 'JobDetail' })

const newJob = createJobSchema
  .extend({ source_url: plainText(createJobSchema.shape.source_url) })
  .meta({ id: 'NewJob' })

const listQuery = z.strictObject({
  status: z.enum(jobStatuses).optional(),
  user_id: plainText(z.string().max(200)).optional(),
  /** Part of the id or of the source URL. */
  search: plainText(z.string().max(200)).optional(),
  sort: z.enum(jobSorts).optional(),
  order: z.enum(['asc', 'desc']).optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(1000).optional(),
})

const create = route('post', '/v1/jobs', {
  summary: 'Create a job',
  request: {
    headers: z.object({
      /** The same key of the same user answers the same job. */
      'idempotency-key': z.string().regex(/^[\x21-\x7e]{1,200}$/).optional(),
    }),
    body: { required: true, content: { 'application/json': { schema: newJob } } },
  },
  responses: { 201: json(job, 'The job') },
})

const list = route('get', '/v1/jobs', {
  summary: 'List jobs',
  request: { query: listQuery },
  responses: {
    200: json(z.strictObject({ jobs: z.array(job), next_cursor: z.string().nullable() }), 'A page'),
  },
})

const read = route('get', '/v1/jobs/{id}', {
  summary: 'Read a job',
  request: { params: idParams },
  responses: { 200: json(detail, 'The job, and why its work waits if nobody can do it') },
})

const remove = route('delete', '/v1/jobs/{id}', {
  summary: 'Delete a job with its outputs and logs; cancels it if it runs',
  request: { params: idParams },
  responses: { 204: { description: 'Gone' } },
})

const cancel = route('post', '/v1/jobs/{id}/cancel', {
  summary: 'Cancel a job',
  request: { params: idParams },
  responses: { 200: json(job, 'The job') },
})

const retry = route('post', '/v1/jobs/{id}/retry', {
  summary: 'Repeat a job as a new one; cancels it if it runs',
  request: { params: idParams },
  responses: { 201: json(job, 'The new job') },
})

/** Routes below `/v1/jobs` that change or show whole jobs. */
export function jobRoutes({ db, gateway, hasEncoderRules = true }: HttpDeps) {
  return createApi()
    .openapi(create, async (c) => {
      const key = c.req.valid('header')['idempotency-key']
      const created = await gateway.submitJob(c.req.valid('json'), currentCaller(c), key)
      noteAudit(c, { resourceId: created.id, detail: { profile: created.profile } })
      c.header('Location', `/v1/jobs/${created.id}`)
      return c.json(created, 201)
    })
    .openapi(list, async (c) => {
      const { user_id: userId, ...query } = c.req.valid('query')
      const page = await listJobs(db, given({ ...query, userId }))
      return c.json({ jobs: page.jobs, next_cursor: page.nextCursor }, 200)
    })
    .openapi(read, async (c) => {
      const found = await requireJob(db, c.req.valid('param').id)
      const waiting_reason = await readWaitReason(db, found, hasEncoderRules)
      return c.json({ ...found, waiting_reason }, 200)
    })
    .openapi(remove, async (c) => {
      await gateway.deleteJob(c.req.valid('param').id, currentCaller(c))
      return c.body(null, 204)
    })
    .openapi(
      cancel,
      async (c) => c.json(await gateway.cancelJob(c.req.valid('param').id, currentCaller(c)), 200),
    )
    .openapi(retry, async (c) => {
      const created = await gateway.retryJob(c.req.valid('param').id, currentCaller(c))
      noteAudit(c, { detail: { new_job_id: created.id } })
      c.header('Location', `/v1/jobs/${created.id}`)
      return c.json(created, 201)
    })
}

/** The fields that were given. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
