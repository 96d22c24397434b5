import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { json, sql } from '../../db/database.ts'
import { as, type Bench, insertTestJob, openBench, post, testProfile } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

const request = (path: string, init: RequestInit = { headers: as('viewer') }) =>
  bench.app.request(path, init)

async function answer(response: Response, status: number): Promise<Record<string, unknown>> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  return JSON.parse(text) as Record<string, unknown>
}

async function assertRefused(
  response: Response,
  status: number,
  code: string,
  facts: { path?: string; details?: RegExp } = {},
): Promise<void> {
  const { error } = await answer(response, status) as { error: Record<string, string> }
  assert.equal(error['code'], code, JSON.stringify(error))
  if ('path' in facts) assert.equal(error['path'], facts.path, JSON.stringify(error))
  if (facts.details !== undefined) assert.match(error['details'] ?? '', facts.details)
}

const wish = { source_url: 'https://example.com/a.mp4', profile: testProfile.name }

describe('POST /v1/jobs', () => {
  test('hands the request and its key to the gateway', async () => {
    const init = post({ ...wish, priority: 5 }, { ...as('operator'), 'idempotency-key': 'key-1' })
    const response = await request('/v1/jobs', init)
    const job = await answer(response, 201)
    assert.equal(response.headers.get('location'), `/v1/jobs/${String(job['id'])}`)
    assert.equal(job['status'], 'queued')
    const command = bench.commands.at(-1)
    assert.deepEqual(command?.argument, { ...wish, priority: 5 })
    assert.equal(command?.key, 'key-1')
  })

  test('names the field that is wrong', async () => {
    const cases: [unknown, string | undefined, RegExp][] = [
      [{ profile: 'x' }, 'source_url', /source_url/],
      [{ ...wish, source_url: 7 }, 'source_url', /source_url must be text/],
      [{ ...wish, source_url: '' }, 'source_url', /source_url/],
      [{ ...wish, source_url: 'x'.repeat(5000) }, 'source_url', /source_url/],
      [{ ...wish, source_url: 'https://a/\u0000' }, 'source_url', /Control characters/],
      [{ ...wish, source_url: 'https://a/\ud800' }, 'source_url', /Control characters/],
      [{ ...wish, priority: 101 }, 'priority', /priority/],
      [{ ...wish, priority: 'high' }, 'priority', /number/],
      [{ ...wish, deadline: 'tomorrow' }, 'deadline', /deadline/],
      [{ ...wish, deadline: '2035-01-01T00:00:00' }, 'deadline', /deadline/],
      [{ ...wish, colour: 'red' }, 'colour', /colour/],
      [{ ...wish, overrides: { video: { crf: 20 } } }, 'overrides.video.crf', /crf/],
      [{ ...wish, overrides: { video: { width: -1 } } }, 'overrides.video.width', /width/],
      [[], undefined, /The request must be an object/],
      [null, undefined, /The request must be an object/],
      ['"text"', undefined, /The request must be an object/],
    ]
    for (const [body, path, details] of cases) {
      const response = await request('/v1/jobs', post(body))
      await assertRefused(
        response,
        400,
        'WE-JOB-001',
        path === undefined ? { details } : { path, details },
      )
    }
  })

  test('says so when the body is not JSON', async () => {
    const details = /Malformed JSON/
    for (const body of ['{', '{"source_url": }', '', 'hello', '['.repeat(100_000)]) {
      await assertRefused(await request('/v1/jobs', post(body)), 400, 'WE-JOB-001', { details })
    }
    const form = { ...as('operator'), 'content-type': 'text/plain' }
    const response = await request('/v1/jobs', post(wish, form))
    await assertRefused(response, 400, 'WE-JOB-001', { details: /Content-Type: application\/json/ })
  })

  test('refuses an idempotency key that is no key', async () => {
    for (const key of ['', 'two words', 'x'.repeat(201)]) {
      const init = post(wish, { ...as('operator'), 'idempotency-key': key })
      await assertRefused(await request('/v1/jobs', init), 400, 'WE-JOB-001', {
        path: 'idempotency-key',
      })
    }
  })

  test('passes the refusal of the gateway on', async () => {
    const response = await request('/v1/jobs', post({ ...wish, profile: 'unknown' }))
    await assertRefused(response, 400, 'WE-JOB-003', { path: 'profile' })
  })
})

describe('GET /v1/jobs', () => {
  test('pages, filters and sorts', async () => {
    for (let i = 0; i < 5; i++) {
      await insertTestJob(bench.db, `page-${i}`, { status: 'failed', progress: i * 10 })
    }
    const first = await answer(
      await request('/v1/jobs?status=failed&sort=progress_pct&order=asc&limit=3'),
      200,
    )
    const ids = (page: Record<string, unknown>) =>
      (page['jobs'] as { id: string }[]).map(({ id }) => id)
    assert.deepEqual(ids(first), ['page-0', 'page-1', 'page-2'])
    const cursor = encodeURIComponent(String(first['next_cursor']))
    const second = await answer(
      await request(`/v1/jobs?status=failed&sort=progress_pct&order=asc&limit=3&cursor=${cursor}`),
      200,
    )
    assert.deepEqual(ids(second), ['page-3', 'page-4'])
    assert.equal(second['next_cursor'], null)
    assert.deepEqual(ids(await answer(await request('/v1/jobs?search=page-4'), 200)), ['page-4'])
    assert.deepEqual(ids(await answer(await request('/v1/jobs?user_id=nobody'), 200)), [])
  })

  test('refuses a query that makes no sense', async () => {
    const cases: [string, string][] = [
      ['status=done', 'status'],
      ['limit=0', 'limit'],
      ['limit=501', 'limit'],
      ['limit=ten', 'limit'],
      ['sort=colour', 'sort'],
      ['order=up', 'order'],
      ['cursor=nonsense', 'cursor'],
      ['cursor=', 'cursor'],
      ['search=%00', 'search'],
      ['colour=red', 'colour'],
      ['status=failed&status=queued', 'status'],
    ]
    for (const [query, path] of cases) {
      await assertRefused(await request(`/v1/jobs?${query}`), 400, 'WE-JOB-001', { path })
    }
  })
})

describe('one job', () => {
  before(async () => {
    await insertTestJob(bench.db, 'one', { status: 'processing' })
    await bench.db.query(sql`
      INSERT INTO tasks (id, job_id, kind, sequence_index, params, status, lane, region, owner)
      VALUES ('one.probe.00000', 'one', 'probe', 0, ${
      json({ kind: 'probe' })
    }, 'ready', 'probe', 'local', 'operator')`)
    await insertTestJob(bench.db, 'finished', { status: 'completed' })
  })

  test('is read with its tasks and events', async () => {
    assert.equal((await answer(await request('/v1/jobs/one'), 200))['status'], 'processing')
    const { tasks } = await answer(await request('/v1/jobs/one/tasks'), 200) as {
      tasks: { id: string }[]
    }
    assert.deepEqual(tasks.map(({ id }) => id), ['one.probe.00000'])
    assert.deepEqual(await answer(await request('/v1/jobs/one/events?limit=10'), 200), {
      events: [],
    })
    await assertRefused(await request('/v1/jobs/one/events?limit=x'), 400, 'WE-JOB-001', {
      path: 'limit',
    })
  })

  test('is cancelled, retried and deleted through the gateway', async () => {
    const command = (method: string, path: string) =>
      request(path, { method, headers: as('operator') })
    assert.equal((await answer(await command('POST', '/v1/jobs/one/cancel'), 200))['id'], 'one')
    const retried = await answer(await command('POST', '/v1/jobs/one/retry'), 201)
    assert.match(String(retried['id']), /^retry-/)
    assert.equal((await command('DELETE', '/v1/jobs/one')).status, 204)
    assert.equal((await command('POST', '/v1/tasks/one.probe.00000/requeue')).status, 204)
    const names = bench.commands.slice(-4).map(({ name, argument }) => [name, argument])
    assert.deepEqual(names, [
      ['cancelJob', 'one'],
      ['retryJob', 'one'],
      ['deleteJob', 'one'],
      ['requeueTask', 'one.probe.00000'],
    ])
    await assertRefused(await command('POST', '/v1/jobs/finished/cancel'), 409, 'WE-JOB-006')
  })

  test('that does not exist is WE-JOB-004 everywhere', async () => {
    for (const path of ['', '/tasks', '/events', '/outputs', '/logs']) {
      await assertRefused(await request(`/v1/jobs/nope${path}`), 404, 'WE-JOB-004')
    }
  })

  test('has an id of letters, digits, dots and dashes', async () => {
    for (const id of ['%00', 'a%20b', "'%3B--", '%ff', 'x'.repeat(200)]) {
      await assertRefused(await request(`/v1/jobs/${id}`), 400, 'WE-JOB-001', { path: 'id' })
    }
  })
})
