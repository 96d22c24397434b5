/** Whatever people do, the audit says so before they hear that it was done. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { AuditEventView } from '../contract/audit.ts'
import { listAuditEvents } from '../db/audit-events.ts'
import { emptyTables } from '../db/test-database.ts'
import { WebEncodeError } from '../errors.ts'
import { resourceIdOf } from './audit.ts'
import {
  as,
  type Bench,
  insertTestJob,
  multipart,
  openBench,
  post,
  testProfile,
} from './fixture.ts'
import { apiRules } from './permissions.ts'

let bench: Bench
before(async () => {
  bench = await openBench({ config: { signInsPerMinute: 1000 } })
})
after(() => bench.close())
beforeEach(() => emptyTables(bench.db))

const newJob = { source_url: 'https://example.com/a.mp4', profile: testProfile.name }

async function eventsOf(own: Bench = bench): Promise<AuditEventView[]> {
  return (await listAuditEvents(own.db, { limit: 1000 })).events
}

/** Sends a request and answers what the audit has of it: `action outcome resource actor`. */
async function told(path: string, init: RequestInit, own: Bench = bench): Promise<string[]> {
  const headers = new Headers(init.headers)
  headers.set('x-request-id', 'told')
  await own.app.request(path, { ...init, headers })
  const events = (await eventsOf(own)).filter((event) => event.correlation_id === 'told')
  return events.map((event) =>
    [event.action, event.outcome, event.resource_id, event.actor_name].join(' ')
  )
}

describe('auditActions()', () => {
  test('every rule that changes something has a word of its own', () => {
    const signed = [
      'OPTIONS /v1/files/tus', // changes nothing
      'PATCH /v1/files/tus/:id', // a piece of what POST began
      'PUT /v1/objects/*', // by signed URL: workers and uploads, not people
    ]
    const silent = apiRules
      .filter(({ method, audit }) => method !== 'GET' && audit === undefined)
      .map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(silent, signed)
    for (const { audit } of apiRules) assert.match(audit ?? 'a.b', /^[a-z_]+\.[a-z_]+$/)
  })

  test('a created job is there with who, what, where from and how it went', async () => {
    const response = await bench.app.request(
      '/v1/jobs',
      post(newJob, { ...as('operator'), 'x-request-id': 'r-1' }),
      { clientAddress: '10.1.2.3' },
    )
    const { id } = await response.json() as { id: string }
    const [event] = await eventsOf()
    assert.ok(event)
    const { id: _, at: __, ...facts } = event
    assert.deepEqual(facts, {
      kind: 'user_action',
      action: 'job.create',
      actor_id: 'operator',
      actor_name: 'otto',
      actor_role: 'operator',
      client_ip: '10.1.2.3',
      resource_type: 'job',
      resource_id: id,
      outcome: 'allowed',
      correlation_id: 'r-1',
      detail: { route: 'POST /v1/jobs', status: 201, profile: testProfile.name },
    })
  })

  test('refused, failed and allowed are told apart', async () => {
    const created = post(newJob, as('viewer'))
    assert.deepEqual(await told('/v1/jobs', created), ['job.create refused  vera'])
    await emptyTables(bench.db)
    const gone = { method: 'DELETE', headers: as('operator') }
    assert.deepEqual(await told('/v1/jobs/gone', gone), ['job.delete failed gone otto'])
    const [event] = await eventsOf()
    assert.equal(event?.detail['error_code'], 'WE-JOB-004')
    await insertTestJob(bench.db, 'j-1')
    await emptyAudit()
    const there = { method: 'POST', headers: as('operator') }
    assert.deepEqual(await told('/v1/jobs/j-1/cancel', there), ['job.cancel allowed j-1 otto'])
  })

  test('reading leaves no trace; an export does', async () => {
    for (const path of ['/v1/jobs', '/v1/me', '/v1/audit', '/health', '/nowhere']) {
      await bench.app.request(path, { headers: as('admin') })
    }
    assert.deepEqual(await eventsOf(), [])
    const response = await bench.app.request('/v1/audit/export.csv', { headers: as('admin') })
    await response.text()
    assert.deepEqual((await eventsOf()).map(({ action }) => action), ['audit.export'])
  })

  test('an upload is named by its key', async () => {
    const init = await multipart(as('operator'), ['file', new File(['x'], 'a.mp4')])
    const [event, ...rest] = await told('/v1/files/upload', init)
    assert.match(event ?? '', /^file\.upload allowed uploads\/\S+ otto$/)
    assert.deepEqual(rest, [])
  })

  test('signing in says who, signing in wrong says who was tried, neither says a secret', async () => {
    const form = (fields: Record<string, string>) => ({
      method: 'POST',
      body: new URLSearchParams(fields),
    })
    const right = form({ username: 'otto', password: 'right' })
    assert.deepEqual(await told('/auth/login', right), ['auth.sign_in allowed  otto'])
    await emptyTables(bench.db)
    const wrong = form({ username: 'otto', password: 'planted-secret' })
    assert.deepEqual(await told('/auth/login', wrong), ['auth.sign_in_failed refused  otto'])
    const asPage = { ...wrong, headers: { accept: 'text/html' } }
    assert.equal((await told('/auth/login', asPage)).length, 2, 'its redirect is no success')
    await told('/auth/link', form({ code: 'planted-secret' }))
    assert.doesNotMatch(JSON.stringify(await eventsOf()), /planted-secret/)
  })

  test('strangers fill sixty rows a minute, and are counted after that', async () => {
    const own = await openBench({ db: bench.db })
    for (let i = 0; i < 100; i++) await own.app.request('/v1/jobs', { method: 'POST' })
    assert.equal((await eventsOf()).length, 60)
    own.moveClock(60_000)
    await told('/v1/jobs', { method: 'POST' }, own)
    assert.equal((await eventsOf()).length, 61)
    assert.equal((await eventsOf())[0]?.detail['unrecorded_before'], 40)
    await own.close()
  })

  test('a success without a row is none, and a refusal stays one', async () => {
    const audit = {
      record: () => Promise.reject(new WebEncodeError('WE-SYS-002', 'Cannot write the audit')),
    }
    const own = await openBench({ db: bench.db, audit })
    assert.equal((await own.app.request('/v1/jobs', post(newJob))).status, 500)
    assert.equal((await own.app.request('/v1/jobs', post(newJob, as('viewer')))).status, 403)
    const signIn = await own.app.request('/auth/login', {
      method: 'POST',
      body: new URLSearchParams({ username: 'otto', password: 'right' }),
    })
    assert.equal(signIn.status, 500)
    assert.equal(signIn.headers.get('set-cookie'), null, 'nobody is signed in behind its back')
    assert.match(own.logLines.join('\n'), /an action is missing in the audit/)
    await own.close()
  })
})

test('resourceIdOf() finds what the path names', () => {
  const requeue = '/jobs/:id/tasks/:taskId/requeue'
  assert.equal(resourceIdOf(requeue, '/jobs/j/tasks/t/requeue', 'task'), 't')
  assert.equal(resourceIdOf('/v1/workers/:id/drain', '/v1/workers/a%20b/drain', 'worker'), 'a b')
  assert.equal(resourceIdOf('/v1/workers/:id', '/v1/workers/%zz', 'worker'), '%zz')
  assert.equal(resourceIdOf('/v1/jobs', '/v1/jobs', 'job'), null)
})

async function emptyAudit(): Promise<void> {
  await bench.db.execute(`SELECT set_config('webencode.audit_pruning', 'on', true);
    DELETE FROM audit_events;
    SELECT set_config('webencode.audit_pruning', 'off', true)`)
}
