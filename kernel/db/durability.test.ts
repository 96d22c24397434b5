import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedJob, storedTask } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import { insertAuditEvents } from './audit-events.ts'
import { deleteAuditOutbox, takeAuditOutbox } from './audit-outbox.ts'
import { type Reader, sql } from './database.ts'
import { renewLeases } from './leases.ts'
import { deleteOutbox, postponeOutbox, takeOutbox } from './outbox.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const lease = { taskId: 't1', leaseToken: 'tok', fraction: 0.5, fps: 24, speed: 1 }
const audited = {
  id: 'a1',
  kind: 'user_action',
  action: 'job.create',
  actor: { id: 'u1', name: 'ada', role: 'operator' },
  clientIp: null,
  resourceType: 'job',
  resourceId: 'j1',
  outcome: 'allowed',
  correlationId: 'req-1',
  detail: {},
} as const

describeOnDatabases('durability', (db) => {
  beforeEach(async () => {
    await emptyTables(db())
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({
        jobs: [storedJob('j1')],
        tasks: [
          storedTask('t1', { status: 'running', workerId: 'w1', leaseToken: 'tok', leaseMs: 1000 }),
        ],
        outbox: [{ id: 't1:1:0', name: 'tell', params: {} }],
      }))
    )
    await insertAuditEvents(db(), [audited])
  })

  /** What a commit would wait for, after the change. */
  const waitAfter = (change: (tx: Reader) => Promise<unknown>): Promise<string> =>
    db().transaction(async (tx) => {
      await change(tx)
      const [row] = await tx.query<{ wait: string }>(
        sql`SELECT current_setting('synchronous_commit') AS wait`,
      )
      return row?.wait ?? ''
    })

  test('mayBeLost keeps the commit from waiting for the disk, for its transaction alone', async () => {
    const changes: ((tx: Reader) => Promise<unknown>)[] = [
      (tx) => takeOutbox(tx, 10, 1000),
      (tx) => deleteOutbox(tx, ['t1:1:0']),
      (tx) => takeAuditOutbox(tx, 10, 1000),
      (tx) => deleteAuditOutbox(tx, ['a1']),
      (tx) => renewLeases(tx, 'w1', [lease], 1000),
    ]
    for (const change of changes) {
      assert.equal(await waitAfter(change), 'off', String(change))
      assert.equal(await waitAfter((tx) => tx.query(sql`SELECT 1`)), 'on')
    }
  })

  test('what must not be done twice, or not be done later than it may, waits for the disk', async () => {
    assert.equal(await waitAfter((tx) => postponeOutbox(tx, ['t1:1:0'], 1000)), 'on')
    assert.equal(await waitAfter((tx) => insertAuditEvents(tx, [{ ...audited, id: 'a2' }])), 'on')
  })
})
