/** Routes of workers. */
import { z } from 'zod'
import { workerViewSchema } from '../../contract/job.ts'
import { listWorkers, readWorker } from '../../db/workers.ts'
import { WebEncodeError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { idParams } from './input.ts'

const worker = workerViewSchema
  .extend({ capabilities: z.record(z.string(), z.unknown()) })
  .meta({ id: 'Worker' })

const list = route('get', '/v1/workers', {
  summary: 'List the workers',
  responses: { 200: json(z.strictObject({ workers: z.array(worker) }), 'All workers') },
})

const read = route('get', '/v1/workers/{id}', {
  summary: 'Read a worker',
  request: { params: idParams },
  responses: { 200: json(worker, 'The worker') },
})

/** Routes below `/v1/workers`. */
export function workerRoutes({ db }: HttpDeps) {
  return createApi()
    .openapi(list, async (c) => c.json({ workers: await listWorkers(db) }, 200))
    .openapi(read, async (c) => {
      const { id } = c.req.valid('param')
      const found = await readWorker(db, id)
      if (found === undefined) throw new WebEncodeError('WE-WRK-001', `No worker has the ID: ${id}`)
      return c.json(found, 200)
    })
}
