import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import type { NewAuditEvent } from '../contract/audit.ts'
import type { Reader, Statement } from '../db/database.ts'
import { silentLog } from '../log.ts'
import { createAuditWriter } from './writer.ts'

const parts = { clock: { ...systemClock, sleep: () => Promise.resolve() }, log: silentLog }

function eventFixture(id: string): NewAuditEvent {
  return {
    id,
    kind: 'user_action',
    action: 'job.create',
    actor: { id: 'u1', name: 'ada', role: 'admin' },
    clientIp: null,
    resourceType: null,
    resourceId: null,
    outcome: 'allowed',
    correlationId: '',
    detail: {},
  }
}

/** A database that keeps the ids of each statement, and fails as often as it is told. */
function fakeReader(failures = 0) {
  const batches: string[][] = []
  let left = failures
  const reader: Reader = {
    async query<Row extends object>({ values }: Statement): Promise<Row[]> {
      if (left-- > 0) throw new Error('connection lost')
      const rows = JSON.parse(String(values[0])) as { id: string }[]
      batches.push(rows.map(({ id }) => id))
      return []
    },
  }
  return { reader, batches }
}

test('record() writes what is handed in together with one statement', async () => {
  const { reader, batches } = fakeReader()
  let commits = 0
  const writer = createAuditWriter({
    ...parts,
    db: reader,
    batchSize: 3,
    onCommit: () => commits++,
  })
  await Promise.all(['a', 'b', 'c', 'd'].map((id) => writer.record(eventFixture(id))))
  await writer.record(eventFixture('e'))
  assert.deepEqual(batches, [['a', 'b', 'c'], ['d'], ['e']])
  assert.equal(commits, 3)
})

test('record() tries again, and answers once the row is there', async () => {
  const { reader, batches } = fakeReader(2)
  await createAuditWriter({ ...parts, db: reader }).record(eventFixture('a'))
  assert.deepEqual(batches, [['a']])
})

test('record() fails when the database keeps failing, and the next one works', async () => {
  const { reader, batches } = fakeReader(4)
  const writer = createAuditWriter({ ...parts, db: reader })
  await assert.rejects(writer.record(eventFixture('a')), { code: 'WE-SYS-002' })
  await writer.record(eventFixture('b'))
  assert.deepEqual(batches, [['b']])
})

test('record() turns events away when too many wait, and close() waits for the others', async () => {
  const { reader, batches } = fakeReader()
  const writer = createAuditWriter({ ...parts, db: reader, capacity: 2 })
  const written = [writer.record(eventFixture('a')), writer.record(eventFixture('b'))]
  await assert.rejects(writer.record(eventFixture('c')), { code: 'WE-SYS-004' })
  await writer.close()
  assert.deepEqual(batches, [['a', 'b']])
  await Promise.all(written)
})
