import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { changesOf, storedWorker } from '../../db/actor-store.samples.ts'
import { createActorStore } from '../../db/actors.ts'
import { insertJoinToken } from '../../db/join-tokens.ts'
import { as, type Bench, openBench, post } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
  const workers = [storedWorker('w1'), storedWorker('w2', { status: 'draining', command: 'drain' })]
  await createActorStore(bench.db).transaction((tx) => tx.write(changesOf({ workers })))
})
after(() => bench.close())

async function answer(
  method: string,
  path: string,
  status: number,
  role: 'viewer' | 'operator' | 'admin' = 'admin',
): Promise<Record<string, unknown>> {
  const response = await bench.app.request(path, { method, headers: as(role) })
  const text = await response.text()
  assert.equal(response.status, status, text)
  return text === '' ? {} : JSON.parse(text)
}
const codeOf = (body: Record<string, unknown>) => (body['error'] as { code: string }).code

test('workers are listed and read with what they were told', async () => {
  const { workers } = await answer('GET', '/v1/workers', 200, 'viewer') as {
    workers: { id: string }[]
  }
  assert.deepEqual(workers.map(({ id }) => id), ['w1', 'w2'])
  const worker = await answer('GET', '/v1/workers/w2', 200, 'viewer')
  assert.deepEqual([worker['status'], worker['command'], worker['slots']], ['draining', 'drain', 2])
})

test('admins drain, undrain, restart and remove workers; operators do not', async () => {
  for (const verb of ['drain', 'undrain', 'restart']) {
    const worker = await answer('POST', `/v1/workers/w1/${verb}`, 200, 'admin')
    assert.equal(worker['id'], 'w1')
    const refused = await answer('POST', `/v1/workers/w1/${verb}`, 403, 'operator')
    assert.equal(codeOf(refused), 'WE-AUTH-003')
  }
  assert.equal(codeOf(await answer('DELETE', '/v1/workers/w1', 403, 'operator')), 'WE-AUTH-003')
  await answer('DELETE', '/v1/workers/w1', 204)
  assert.deepEqual(bench.commands.map(({ name, argument }) => [name, argument]), [
    ['drainWorker', 'w1'],
    ['undrainWorker', 'w1'],
    ['restartWorker', 'w1'],
    ['removeWorker', 'w1'],
  ])
})

test('a worker that nobody knows is WE-WRK-001 everywhere, and a wrong id WE-JOB-001', async () => {
  const routes = [
    ['GET', ''],
    ['POST', '/drain'],
    ['POST', '/undrain'],
    ['POST', '/restart'],
    ['DELETE', ''],
  ] as const
  for (const [method, path] of routes) {
    const unknown = await answer(method, `/v1/workers/nobody${path}`, 404)
    assert.equal(codeOf(unknown), 'WE-WRK-001', `${method} ${path}`)
    assert.equal(codeOf(await answer(method, `/v1/workers/a%20b${path}`, 400)), 'WE-JOB-001')
  }
})

test('a join token is made with its expiry, an hour by default', async () => {
  const make = (body?: unknown) =>
    bench.app.request(
      '/v1/workers/join-tokens',
      body === undefined ? { method: 'POST', headers: as('admin') } : post(body, as('admin')),
    )
  const made = await make()
  assert.equal(made.status, 201)
  assert.equal((await made.json() as { token: string }).token, 'wj_secret')
  assert.equal(bench.commands.at(-1)?.argument, 3600)
  assert.equal((await make({ expires_in_seconds: 60 })).status, 201)
  assert.equal(bench.commands.at(-1)?.argument, 60)
  for (const wrong of [59, 2_592_001, 'soon', 1.5]) {
    assert.equal((await make({ expires_in_seconds: wrong })).status, 400, String(wrong))
  }
})

test('join tokens are listed without their secret, and taken back', async () => {
  await insertJoinToken(bench.db, { id: 't1', tokenHash: 'hash', createdBy: 'anna', seconds: 60 })
  const body = await answer('GET', '/v1/workers/join-tokens', 200)
  assert.equal((body['tokens'] as { id: string }[])[0]?.id, 't1')
  assert.doesNotMatch(JSON.stringify(body), /hash/)
  await answer('DELETE', '/v1/workers/join-tokens/t1', 204)
  const { name, argument } = bench.commands.at(-1) ?? {}
  assert.deepEqual([name, argument], ['deleteJoinToken', 't1'])
})
