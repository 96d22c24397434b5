/** Routes of work and who gets how much of the fleet: the autoscaler's signal and the owners' weights. */
import { z } from 'zod'
import { lanes } from '../../contract/task.ts'
import { listDemand } from '../../db/demand.ts'
import { listOwnerWeights, writeOwnerWeight } from '../../db/owner-weights.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { plainText } from './input.ts'

const laneDemand = z.strictObject({
  lane: z.enum(lanes),
  region: z.string(),
  ready_tasks: z.int(),
  running_tasks: z.int(),
  oldest_wait_seconds: z.number(),
  wanted_slots: z.int(),
}).meta({ id: 'LaneDemand' })

const demand = route('get', '/v1/autoscale', {
  summary: 'How many slots each lane and region could use now',
  responses: {
    200: json(
      z.strictObject({ lanes: z.array(laneDemand), wanted_slots: z.int() }),
      'Lanes and regions that have work; wanted_slots is their sum',
    ),
  },
})

const weightSchema = z.number().min(0.01).max(100)
const ownerWeight = z.strictObject({ owner: z.string(), weight: weightSchema })
  .meta({ id: 'OwnerWeight' })

const owners = route('get', '/v1/owners', {
  summary: 'List the owners whose share of the fleet is not 1',
  responses: { 200: json(z.strictObject({ owners: z.array(ownerWeight) }), 'Their weights') },
})

const setWeight = route('put', '/v1/owners/{id}/weight', {
  summary: 'Set how much of the fleet an owner may have, compared with the others',
  request: {
    params: z.object({ id: plainText(z.string().min(1).max(200)) }),
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ weight: weightSchema }) } },
    },
  },
  responses: { 200: json(ownerWeight, 'The weight') },
})

/** Routes of demand and shares. */
export function demandRoutes({ db, log }: HttpDeps) {
  return createApi()
    .openapi(demand, async (c) => {
      const found = await listDemand(db)
      const wanted = found.reduce((sum, { wanted_slots }) => sum + wanted_slots, 0)
      return c.json({ lanes: found, wanted_slots: wanted }, 200)
    })
    .openapi(owners, async (c) => c.json({ owners: await listOwnerWeights(db) }, 200))
    .openapi(setWeight, async (c) => {
      const weighed = { owner: c.req.valid('param').id, ...c.req.valid('json') }
      await writeOwnerWeight(db, weighed)
      log.info('owner weight set', { ...weighed, by: currentCaller(c).username })
      return c.json(weighed, 200)
    })
}
