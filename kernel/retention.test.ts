import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from './clock.ts'
import type { StorageProvider } from './contract/storage.ts'
import { listAuditEvents } from './db/audit-events.ts'
import { type Database, sql } from './db/database.ts'
import { openTestPglite } from './db/test-database.ts'
import { silentLog } from './log.ts'
import { createRetention } from './retention.ts'

let db: Database
before(async () => {
  db = await openTestPglite()
})
after(() => db.close())

test('a round deletes old jobs and old events, and the audit says so', async () => {
  await db.query(sql`
    INSERT INTO jobs (id, user_id, source_type, source_url, profile_id, profile, status, phase, finished_at)
    VALUES ('j1', 'u1', 'url', 'https://example.com/a.mp4', 'p', '{}', 'completed', 'completed', now() - interval '9 days')`)
  await db.query(sql`
    INSERT INTO audit_events (id, at, kind, action, outcome)
    VALUES ('old', now() - interval '91 days', 'system', 'worker.joined', 'allowed'),
      ('young', now(), 'system', 'worker.joined', 'allowed')`)
  const deleted: string[] = []
  const storage: Pick<StorageProvider, 'listObjects'> = {
    listObjects: () => Promise.resolve({ objects: [] }),
  }
  const retention = createRetention({
    db,
    storage: storage as StorageProvider,
    gateway: { deleteJob: async (id) => void deleted.push(id) },
    keep: { jobsDays: 7, uploadsHours: 1, logsDays: 1, auditDays: 90 },
    clock: systemClock,
    log: silentLog,
  })
  assert.deepEqual(await retention.run(), { jobs: 1, uploads: 0, logs: 0 })
  assert.deepEqual(deleted, ['j1'])
  const { events } = await listAuditEvents(db)
  assert.deepEqual(
    events.map(({ action, actor_name, detail }) => ({ action, actor_name, detail })),
    [
      {
        action: 'retention.delete',
        actor_name: 'retention',
        detail: { jobs: 1, uploads: 0, logs: 0 },
      },
      { action: 'worker.joined', actor_name: null, detail: {} },
    ],
  )
})
