/** Routes of workers: list, read, and the commands of people. */
import { z } from 'zod'
import { workerViewSchema } from '../../contract/job.ts'
import { listWorkers, readWorker } from '../../db/workers.ts'
import { WebEncodeError } from '../../errors.ts'
import { currentCaller } from '../auth.ts'
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

const drain = route('post', '/v1/workers/{id}/drain', {
  summary: 'Let a worker finish what it has and give it nothing new, until that is undone',
  request: { params: idParams },
  responses: { 200: json(worker, 'The worker') },
})

const undrain = route('post', '/v1/workers/{id}/undrain', {
  summary: 'Give a drained worker work again',
  request: { params: idParams },
  responses: { 200: json(worker, 'The worker') },
})

const restart = route('post', '/v1/workers/{id}/restart', {
  summary: 'Let a worker finish what it has and begin anew',
  request: { params: idParams },
  responses: { 200: json(worker, 'The worker') },
})

const remove = route('delete', '/v1/workers/{id}', {
  summary: 'Revoke the credential of a worker; it finishes what it has and goes for good',
  request: { params: idParams },
  responses: { 204: { description: 'It goes, or is gone' } },
})

/** Routes below `/v1/workers` that show and command workers. */
export function workerRoutes({ db, gateway }: HttpDeps) {
  return createApi()
    .openapi(list, async (c) => c.json({ workers: await listWorkers(db) }, 200))
    .openapi(read, async (c) => {
      const { id } = c.req.valid('param')
      const found = await readWorker(db, id)
      if (found === undefined) throw new WebEncodeError('WE-WRK-001', `No worker has the ID: ${id}`)
      return c.json(found, 200)
    })
    .openapi(
      drain,
      async (c) =>
        c.json(await gateway.drainWorker(c.req.valid('param').id, currentCaller(c)), 200),
    )
    .openapi(
      undrain,
      async (c) =>
        c.json(await gateway.undrainWorker(c.req.valid('param').id, currentCaller(c)), 200),
    )
    .openapi(
      restart,
      async (c) =>
        c.json(await gateway.restartWorker(c.req.valid('param').id, currentCaller(c)), 200),
    )
    .openapi(remove, async (c) => {
      await gateway.removeWorker(c.req.valid('param').id, currentCaller(c))
      return c.body(null, 204)
    })
}
