/** Secrets go in by the API and come out to plugins alone. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { listAuditEvents } from '../../db/audit-events.ts'
import { sql } from '../../db/database.ts'
import { emptyTables } from '../../db/test-database.ts'
import { createSealedStore } from '../../plugin/secrets/sealed.ts'
import type { SecretStore } from '../../plugin/secrets/store.ts'
import { as, type Bench, openBench } from '../fixture.ts'

const planted = 'planted-secret-9f2c'
const name = 'secret/webencode/s3/access_key'
const path = `/v1/secrets/${encodeURIComponent(name)}`

let folder: string
let store: SecretStore
let bench: Bench
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webencode-secrets-'))
  const files = { file: join(folder, 'sealed.json'), keyFile: join(folder, 'key.json') }
  store = createSealedStore({ ...files, clock: systemClock })
  bench = await openBench({ secrets: store })
})
after(async () => {
  await bench.close()
  await rm(folder, { recursive: true })
})
beforeEach(() => emptyTables(bench.db))

const answers: string[] = []

/** Sends a request and keeps everything that came back. */
async function ask(
  method: string,
  target: string,
  body?: unknown,
  role: 'admin' | 'operator' = 'admin',
): Promise<Response> {
  const response = await bench.app.request(target, {
    method,
    headers: { ...as(role), 'content-type': 'application/json' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  answers.push(JSON.stringify([...response.headers]), await response.clone().text())
  return response
}

test('PUT keeps a secret, GET lists its name, DELETE takes it away', async () => {
  assert.equal((await ask('PUT', path, { value: planted })).status, 204)
  const listed = await (await ask('GET', '/v1/secrets')).json() as { secrets: { name: string }[] }
  assert.deepEqual(listed.secrets.map((secret) => secret.name), [name])
  assert.equal(await store.resolve(name), planted)
  assert.equal((await ask('DELETE', path)).status, 204)
  const gone = await ask('DELETE', path)
  assert.equal(gone.status, 422)
  assert.match(await gone.text(), /There is no secret/)
})

test('wrong names, values and roles are refused', async () => {
  assert.equal((await ask('PUT', '/v1/secrets/..%2Fkey', { value: planted })).status, 400)
  assert.equal((await ask('PUT', path, { value: '' })).status, 400)
  assert.equal((await ask('PUT', path, { value: planted.repeat(5000) })).status, 400)
  assert.equal((await ask('PUT', path, { secret: planted })).status, 400)
  assert.equal((await ask('PUT', path, `{"value": "${planted}"`)).status, 400)
  assert.equal((await ask('PUT', path, { value: planted }, 'operator')).status, 403)
  assert.deepEqual(await store.list(), [])
})

test('what was planted is in no answer, log line, row or file', async () => {
  await ask('PUT', path, { value: planted })
  await ask('PUT', `${path}?value=${planted}`, { value: planted })
  await ask('PUT', path, `{"value": "${planted}"`)
  await ask('GET', '/v1/secrets')
  await ask('GET', `${path}`)
  assert.equal(await store.resolve(name), planted)
  assert.equal((await ask('POST', '/v1/secrets/rotate')).status, 204)
  assert.equal(await store.resolve(name), planted)
  await ask('GET', '/v1/audit')
  await ask('GET', '/v1/audit/export.csv')
  const { events } = await listAuditEvents(bench.db)
  assert.deepEqual(
    events.map(({ action, resource_id, outcome }) => [action, resource_id, outcome]),
    [
      ['audit.export', null, 'allowed'],
      ['secret.rotate', null, 'allowed'],
      ['secret.set', name, 'failed'],
      ['secret.set', name, 'allowed'],
      ['secret.set', name, 'allowed'],
    ],
  )
  const found = {
    answers: answers.filter((text) => text.includes(planted)),
    log: bench.logLines.filter((line) => line.includes(planted)),
    rows: (await everyRow()).filter((row) => row.includes(planted)),
    files: (await everyFile()).filter((text) => text.includes(planted)),
  }
  assert.deepEqual(found, { answers: [], log: [], rows: [], files: [] })
})

test('everyRow() and everyFile() see what is there', async () => {
  await ask('PUT', path, { value: planted })
  assert.ok((await everyRow()).some((row) => row.includes(name)))
  assert.ok((await everyFile()).some((text) => text.includes(name)))
})

/** Every row of every table as text. */
async function everyRow(): Promise<string[]> {
  const tables = await bench.db.query<{ name: string }>(sql`
    SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`)
  const rows = await Promise.all(tables.map((table) =>
    bench.db.query<{ row: string }>({
      text: `SELECT t::text AS row FROM ${table.name} t`,
      values: [],
    })
  ))
  return rows.flat().map(({ row }) => row)
}

/** Every file of the store. */
async function everyFile(): Promise<string[]> {
  const names = await readdir(folder)
  return await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')))
}
