/** Routes of what a job is made of: its tasks and events. */
import { z } from 'zod'
import { jobEventViewSchema, taskViewSchema } from '../../contract/job.ts'
import { listJobEvents } from '../../db/jobs.ts'
import { listTasks } from '../../db/tasks.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { idParams, requireJob } from './input.ts'

const task = taskViewSchema.meta({ id: 'Task' })
const event = jobEventViewSchema.extend({ data: z.unknown() }).meta({ id: 'JobEvent' })

const tasks = route('get', '/v1/jobs/{id}/tasks', {
  summary: 'List the tasks of a job',
  request: { params: idParams },
  responses: { 200: json(z.strictObject({ tasks: z.array(task) }), 'The tasks, in order') },
})

const events = route('get', '/v1/jobs/{id}/events', {
  summary: 'List what happened to a job and its tasks',
  request: {
    params: idParams,
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(500) }),
  },
  responses: { 200: json(z.strictObject({ events: z.array(event) }), 'The events') },
})

const requeue = route('post', '/v1/tasks/{id}/requeue', {
  summary: 'Take an unfinished task from its worker and make it ready again',
  request: { params: idParams },
  responses: { 204: { description: 'Done' } },
})

/** Routes of tasks and events. */
export function jobDetailRoutes({ db, gateway }: HttpDeps) {
  return createApi()
    .openapi(tasks, async (c) => {
      const { id } = await requireJob(db, c.req.valid('param').id)
      return c.json({ tasks: await listTasks(db, id) }, 200)
    })
    .openapi(events, async (c) => {
      const { id } = await requireJob(db, c.req.valid('param').id)
      return c.json({ events: await listJobEvents(db, id, c.req.valid('query').limit) }, 200)
    })
    .openapi(requeue, async (c) => {
      await gateway.requeueTask(c.req.valid('param').id, currentCaller(c))
      return c.body(null, 204)
    })
}
