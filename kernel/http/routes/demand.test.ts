import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { changesOf, storedJob, storedTask } from '../../db/actor-store.samples.ts'
import { createActorStore } from '../../db/actors.ts'
import { as, type Bench, openBench } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

async function put(owner: string, weight: unknown, role: 'admin' | 'operator' = 'admin') {
  const headers = { ...as(role), 'content-type': 'application/json' }
  const body = JSON.stringify({ weight })
  return await bench.app.request(`/v1/owners/${owner}/weight`, { method: 'PUT', headers, body })
}

test('GET /v1/autoscale counts ready and running tasks by lane and region', async () => {
  await createActorStore(bench.db).transaction((tx) =>
    tx.write(changesOf({
      jobs: [storedJob('j1')],
      tasks: [
        storedTask('t1', { lane: 'cpu', region: 'eu', status: 'ready' }),
        storedTask('t2', { lane: 'cpu', region: 'eu', status: 'ready' }),
        storedTask('t3', { lane: 'cpu', region: 'eu', status: 'running', leaseToken: 'x' }),
        storedTask('t4', { lane: 'copy', region: 'us', status: 'completed' }),
      ],
    }))
  )
  const response = await bench.app.request('/v1/autoscale', { headers: as('viewer') })
  const { lanes, wanted_slots } = await response.json() as {
    lanes: { oldest_wait_seconds: number }[]
    wanted_slots: number
  }
  assert.equal(wanted_slots, 3)
  const [{ oldest_wait_seconds, ...cpu } = { oldest_wait_seconds: -1 }, ...others] = lanes
  assert.deepEqual(cpu, {
    lane: 'cpu',
    region: 'eu',
    ready_tasks: 2,
    running_tasks: 1,
    wanted_slots: 3,
  })
  assert.ok(oldest_wait_seconds >= 0 && oldest_wait_seconds < 60)
  assert.deepEqual(others, [])
})

test('PUT /v1/owners/{id}/weight sets a weight, and 1 takes it back', async () => {
  assert.equal((await put('ann', 2.5)).status, 200)
  const list = async () =>
    (await bench.app.request('/v1/owners', { headers: as('admin') })).json() as Promise<unknown>
  assert.deepEqual(await list(), { owners: [{ owner: 'ann', weight: 2.5 }] })
  assert.equal((await put('ann', 1)).status, 200)
  assert.deepEqual(await list(), { owners: [] })
})

test('PUT /v1/owners/{id}/weight refuses what is no weight, and operators', async () => {
  for (const weight of [0, -1, 101, 'much', null]) {
    assert.equal((await put('ann', weight)).status, 400, String(weight))
  }
  assert.equal((await put('ann', 2, 'operator')).status, 403)
  for (const name of ['%00', 'a%0Ab']) assert.equal((await put(name, 2)).status, 400, name)
})
