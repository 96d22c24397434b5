import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { insertAuditEvents } from '../../db/audit-events.ts'
import { sql } from '../../db/database.ts'
import { emptyTables } from '../../db/test-database.ts'
import { as, type Bench, openBench } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())
beforeEach(() => emptyTables(bench.db))

const get = (path: string) => bench.app.request(path, { headers: as('admin') })

async function insert(id: string, action: string, name = 'ada'): Promise<void> {
  await insertAuditEvents(bench.db, [{
    id,
    kind: 'user_action',
    action,
    actor: { id: 'u1', name, role: 'admin' },
    clientIp: null,
    resourceType: 'job',
    resourceId: 'j1',
    outcome: 'allowed',
    correlationId: 'req',
    detail: { note: 'a "quoted", word' },
  }])
}

async function idsOf(path: string): Promise<{ ids: string[]; cursor: string | null }> {
  const response = await get(path)
  assert.equal(response.status, 200, path)
  const body = await response.json() as { events: { id: string }[]; next_cursor: string | null }
  return { ids: body.events.map(({ id }) => id), cursor: body.next_cursor }
}

test('GET /v1/audit pages and filters', async () => {
  await insert('a1', 'job.create')
  await insert('a2', 'worker.drain', 'bob')
  await insert('a3', 'job.delete')
  const first = await idsOf('/v1/audit?limit=2')
  assert.deepEqual(first.ids, ['a3', 'a2'])
  const second = await idsOf(`/v1/audit?limit=2&cursor=${first.cursor}`)
  assert.deepEqual(second, { ids: ['a1'], cursor: null })
  assert.deepEqual((await idsOf('/v1/audit?action=job')).ids, ['a3', 'a1'])
  assert.deepEqual((await idsOf('/v1/audit?actor=bob&from=2020-01-01')).ids, ['a2'])
  assert.deepEqual((await idsOf('/v1/audit?to=2020-01-01T00:00:00%2B02:00')).ids, [])
})

test('GET /v1/audit refuses what it does not understand, with the path', async () => {
  for (const query of ['from=yesterday', 'outcome=maybe', 'limit=5000', 'actor=%00', 'x=1']) {
    const response = await get(`/v1/audit?${query}`)
    assert.equal(response.status, 400, query)
    const { error } = await response.json() as { error: { path?: string } }
    assert.equal(error.path, query.split('=')[0])
  }
  assert.equal((await get('/v1/audit?cursor=bm8')).status, 400)
})

test('GET /v1/audit/export.csv has a line an event, harmless to a spreadsheet', async () => {
  await insert('a1', 'job.create', '=HYPERLINK("https://evil.example")')
  const response = await get('/v1/audit/export.csv?action=job.create')
  assert.match(response.headers.get('content-type') ?? '', /^text\/csv/)
  assert.match(
    response.headers.get('content-disposition') ?? '',
    /attachment; filename="audit.csv"/,
  )
  const [head, line, ...rest] = (await response.text()).split('\r\n')
  assert.match(head ?? '', /^"at","kind","action","outcome",/)
  assert.match(
    line ?? '',
    /^"20\d\d-[^"]+Z","user_action","job.create","allowed","u1","'=HYPERLINK\(/,
  )
  assert.match(line ?? '', /"\{""note"":""a \\""quoted\\"", word""\}","a1"$/)
  assert.deepEqual(rest, [''])
})

test(
  'GET /v1/audit/export.csv streams 100,000 rows in little memory',
  { timeout: 240_000 },
  async () => {
    await bench.db.query(sql`
    INSERT INTO audit_events (id, kind, action, outcome, detail)
    SELECT 'row-' || n, 'system', 'worker.joined', 'allowed', jsonb_build_object('pad', repeat('x', 200))
    FROM generate_series(1, 100000) n`)
    const response = await get('/v1/audit/export.csv?action=worker.joined')
    const before = process.memoryUsage().arrayBuffers
    let lines = 0
    let bytes = 0
    let most = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      for (const byte of chunk) if (byte === 10) lines++
      most = Math.max(most, chunk.length)
    }
    assert.equal(lines, 100_001)
    assert.ok(bytes > 30_000_000, String(bytes))
    assert.ok(most < 1_000_000, `the largest piece has ${most} bytes`)
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown < 64_000_000, `${grown} bytes of buffers more than before`)
  },
)
