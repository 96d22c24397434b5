/** The audit's rows: they may be added, read and outlived, and nothing else. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { auditEventSchema, type AuditEventView, type NewAuditEvent } from '../contract/audit.ts'
import { changesOf } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import { insertAuditEvents, listAuditEvents, pruneAuditEvents } from './audit-events.ts'
import { deleteAuditOutbox, postponeAuditOutbox, takeAuditOutbox } from './audit-outbox.ts'
import { type Database, sql, sqlState } from './database.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

function eventFixture(id: string, changes: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return {
    id,
    kind: 'user_action',
    action: 'job.create',
    actor: { id: 'u1', name: 'ada', role: 'operator' },
    clientIp: '10.0.0.7',
    resourceType: 'job',
    resourceId: 'j1',
    outcome: 'allowed',
    correlationId: 'req-1',
    detail: { status: 201 },
    ...changes,
  }
}

const idsOf = (events: readonly AuditEventView[]) => events.map(({ id }) => id)

async function age(db: Database, id: string, days: number): Promise<void> {
  // An UPDATE is refused, so an old row is inserted as one.
  await db.query(sql`
    INSERT INTO audit_events (id, at, kind, action, outcome)
    VALUES (${id}, now() - make_interval(days => ${days}::int), 'system', 'worker.joined', 'allowed')`)
}

describeOnDatabases('audit events', (db) => {
  beforeEach(() => emptyTables(db()))

  test('insertAuditEvents() adds what listAuditEvents() lists, each id once', async () => {
    await insertAuditEvents(db(), [eventFixture('a1')])
    await insertAuditEvents(db(), [eventFixture('a1', { action: 'job.delete' })])
    const { events, nextCursor } = await listAuditEvents(db())
    const [event] = events
    assert.ok(event)
    assert.deepEqual(auditEventSchema.parse(event), event)
    const { at, ...facts } = event
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, at)
    assert.deepEqual(facts, {
      id: 'a1',
      kind: 'user_action',
      action: 'job.create',
      actor_id: 'u1',
      actor_name: 'ada',
      actor_role: 'operator',
      client_ip: '10.0.0.7',
      resource_type: 'job',
      resource_id: 'j1',
      outcome: 'allowed',
      correlation_id: 'req-1',
      detail: { status: 201 },
    })
    assert.deepEqual([events.length, nextCursor], [1, null])
  })

  test('what comes from outside is cut to size, and NUL does not break the row', async () => {
    const long = 'x'.repeat(10_000)
    await insertAuditEvents(db(), [eventFixture('a1', {
      actor: { id: null, name: long, role: null },
      clientIp: long,
      resourceId: 'a\0b',
      detail: { long },
    })])
    const [event] = (await listAuditEvents(db())).events
    assert.equal(event?.actor_name?.length, 200)
    assert.equal(event?.client_ip?.length, 64)
    assert.equal(event?.resource_id, 'a\ufffdb')
    assert.ok(JSON.stringify(event?.detail).length < 4096)
  })

  test('the database refuses UPDATE, DELETE and TRUNCATE', async () => {
    await insertAuditEvents(db(), [eventFixture('a1')])
    for (
      const statement of [
        sql`UPDATE audit_events SET outcome = 'refused'`,
        sql`DELETE FROM audit_events`,
        sql`TRUNCATE audit_events`,
      ]
    ) {
      await assert.rejects(db().query(statement), (failure: unknown) => {
        assert.equal(sqlState(failure), '23001', statement.text)
        return true
      })
    }
    assert.deepEqual(idsOf((await listAuditEvents(db())).events), ['a1'])
  })

  test('pruneAuditEvents() deletes the old ones, sent or not, and locks the door behind it', async () => {
    await age(db(), 'old', 91)
    await age(db(), 'young', 89)
    assert.equal(await pruneAuditEvents(db(), 90), 1)
    assert.deepEqual(idsOf((await listAuditEvents(db())).events), ['young'])
    assert.deepEqual((await takeAuditOutbox(db(), 10, 0)).map(({ event }) => event.id), ['young'])
    await assert.rejects(db().query(sql`DELETE FROM audit_events`))
    await assert.rejects(pruneAuditEvents(db(), 0))
  })

  test('listAuditEvents() filters by every column that people know', async () => {
    await insertAuditEvents(db(), [
      eventFixture('a1'),
      eventFixture('a2', { action: 'job.cancel', outcome: 'refused', resourceId: 'j2' }),
      eventFixture('a3', {
        action: 'jobs.other',
        actor: { id: 'u2', name: 'bob', role: 'viewer' },
      }),
      eventFixture('a4', { kind: 'system', action: 'worker.joined', resourceType: 'worker' }),
    ])
    await age(db(), 'a5', 3)
    const found = async (query: Parameters<typeof listAuditEvents>[1]) =>
      idsOf((await listAuditEvents(db(), query)).events).sort().join(' ')
    const yesterday = new Date(Date.now() - 86_400_000)
    assert.equal(await found({ action: 'job.create' }), 'a1')
    assert.equal(await found({ action: 'job' }), 'a1 a2')
    assert.equal(await found({ actor: 'bob' }), 'a3')
    assert.equal(await found({ actor: 'u1', outcome: 'allowed' }), 'a1 a4')
    assert.equal(await found({ kind: 'system' }), 'a4 a5')
    assert.equal(await found({ resourceType: 'job', resourceId: 'j2' }), 'a2')
    assert.equal(await found({ to: yesterday }), 'a5')
    assert.equal(await found({ from: yesterday }), 'a1 a2 a3 a4')
    assert.equal(await found({ action: `'; DROP TABLE audit_events; --` }), '')
  })

  test('listAuditEvents() pages through rows of one moment, each once', async () => {
    const ids = Array.from({ length: 25 }, (_, i) => `a${String(i).padStart(2, '0')}`)
    await insertAuditEvents(db(), ids.map((id) => eventFixture(id)))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await listAuditEvents(db(), { limit: 10, ...(cursor && { cursor }) })
      seen.push(...idsOf(page.events))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    assert.deepEqual(seen, ids.toReversed())
    await assert.rejects(listAuditEvents(db(), { cursor: 'bm90IG91cnM' }), { code: 'WE-JOB-001' })
    await assert.rejects(listAuditEvents(db(), { limit: 1001 }), RangeError)
  })

  test('every row waits for the bus until it is deleted there', async () => {
    await insertAuditEvents(db(), [eventFixture('a1'), eventFixture('a2')])
    const taken = await takeAuditOutbox(db(), 10, 60_000)
    assert.deepEqual(taken.map(({ event }) => event.id).sort(), ['a1', 'a2'])
    assert.deepEqual(await takeAuditOutbox(db(), 10, 60_000), [], 'hidden from other relays')
    await postponeAuditOutbox(db(), ['a1', 'a2'], 0)
    await deleteAuditOutbox(db(), ['a1'])
    const [again, ...rest] = await takeAuditOutbox(db(), 10, 0)
    assert.deepEqual([again?.event.id, again?.attempts, rest.length], ['a2', 1, 0])
  })

  test('an announcement of an actor is a row of its transaction', async () => {
    const store = createActorStore(db())
    const announce = (id: string, topic: string, data: object, jobId?: string) => ({
      id,
      name: 'announce',
      params: { topic, data, ...(jobId !== undefined && { jobId }) } as never,
    })
    const outbox = [
      announce('j1:0:1', 'job.created', { job_id: 'j1' }, 'j1'),
      announce('j1:7:0', 'job.failed', {
        job_id: 'j1',
        user_id: 'u1',
        correlation_id: 'req-7',
        error: { code: 'WE-JOB-008', message: 'https://user:planted-secret@example.com failed' },
        outputs: [{ url: 'planted-secret' }],
      }, 'j1'),
      announce('worker.w1:1:0', 'worker.joined', { worker_id: 'w1', region: 'local' }),
    ]
    await store.transaction((tx) => tx.write(changesOf({ outbox })))
    const { events } = await listAuditEvents(db())
    const facts = events.map((event) =>
      [
        event.id.replace(/:evt-.+$/, ''),
        event.action,
        event.resource_id,
        event.outcome,
        event.correlation_id,
      ].join(' ')
    )
    assert.deepEqual(facts.sort(), [
      'j1:7:0 job.failed j1 failed req-7',
      'worker.w1:1:0 worker.joined w1 allowed ',
    ])
    assert.deepEqual(events.find(({ resource_id }) => resource_id === 'j1')?.detail, {
      user_id: 'u1',
      error_code: 'WE-JOB-008',
    })
    assert.equal(JSON.stringify(events).includes('planted-secret'), false)
    assert.equal((await takeAuditOutbox(db(), 10, 0)).length, 2)
  })

  test('a transaction that rolls back leaves no event', async () => {
    const outbox = [{ id: 'w:1:0', name: 'announce', params: { topic: 'worker.joined', data: {} } }]
    const store = createActorStore(db())
    await assert.rejects(store.transaction(async (tx) => {
      await tx.write(changesOf({ outbox }))
      throw new Error('no')
    }))
    assert.deepEqual((await listAuditEvents(db())).events, [])
  })
})
