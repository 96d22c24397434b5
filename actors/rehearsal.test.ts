import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createActorStore } from '../kernel/db/actors.ts'
import { sql } from '../kernel/db/database.ts'
import { openTestPglite } from '../kernel/db/test-database.ts'
import { actorDefinitions } from './definitions.ts'
import { createRegistry } from './engine/registry.ts'
import { rehearse } from './rehearsal.ts'

test('rehearse() leaves nothing behind', async () => {
  const db = await openTestPglite()
  const parts = { db, store: createActorStore(db), registry: createRegistry(actorDefinitions) }
  try {
    await rehearse(parts)
    await rehearse(parts)
    for (const table of ['actors', 'jobs', 'tasks', 'event_log', 'outbox', 'inbox', 'timers']) {
      const rows = await db.query({ text: `SELECT * FROM ${table}`, values: [] })
      assert.deepEqual(rows, [], table)
    }
    const [audit] = await db.query<{ rows: number }>(
      sql`SELECT count(*)::int AS rows FROM audit_events`,
    )
    assert.equal(audit?.rows, 0)
  } finally {
    await db.close()
  }
})
