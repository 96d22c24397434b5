/** Migrations: applied once, in order, by any number at once; and the template made of them. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { WebEncodeError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { type Database, sql, sqlState } from './database.ts'
import { createTemplate, migrate, type Migration, readMigrations } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { createTestPostgres, skipWithoutPostgres, type TestPostgres } from './test-database.ts'

const first: Migration = {
  number: 1,
  name: '0001-first.sql',
  checksum: 'a',
  script: 'CREATE TABLE first (id int); INSERT INTO first VALUES (1)',
}
const second: Migration = {
  number: 2,
  name: '0002-second.sql',
  checksum: 'b',
  script: 'INSERT INTO first VALUES (2)',
}
const broken: Migration = {
  number: 2,
  name: '0002-broken.sql',
  checksum: 'c',
  script: 'INSERT INTO first VALUES (3); SELECT * FROM missing',
}
const log = silentLog

describe('migrate()', { timeout: 120_000 }, () => {
  let db: Database
  beforeEach(async () => {
    db = await openPglite({ directory: null, log })
  })
  afterEach(() => db.close())
  const rows = async () =>
    (await db.query<{ id: number }>(sql`SELECT id FROM first ORDER BY id`)).map(({ id }) => id)

  test('applies what is new, in order, once, and answers what it applied', async () => {
    assert.deepEqual(await migrate(db, [first]), [1])
    assert.deepEqual(await migrate(db, [first, second]), [2])
    assert.deepEqual(await migrate(db, [first, second]), [])
    assert.deepEqual(await rows(), [1, 2])
  })

  test('leaves nothing of a migration that fails, and says which', async () => {
    await assert.rejects(migrate(db, [first, broken]), (failure) => {
      assert.ok(failure instanceof WebEncodeError)
      assert.match(failure.message, /0002-broken\.sql/)
      assert.equal(sqlState(failure), '42P01')
      return true
    })
    assert.deepEqual(await rows(), [1])
    assert.deepEqual(await migrate(db, [first, second]), [2])
  })

  test('refuses a database that is newer than the program', async () => {
    await migrate(db, [first, second])
    await assert.rejects(
      migrate(db, [first]),
      /its schema is version 2, and this program knows versions up to 1/,
    )
  })

  test('refuses a migration that has changed since it was applied', async () => {
    await migrate(db, [first])
    await assert.rejects(migrate(db, [{ ...first, checksum: 'z' }]), /0001-first\.sql has changed/)
  })

  test('applies the migrations of this program', async () => {
    const known = await readMigrations()
    assert.deepEqual(await migrate(db), known.map(({ number }) => number))
    assert.deepEqual(await db.query(sql`SELECT count(*)::int AS n FROM jobs`), [{ n: 0 }])
  })
})

describe('migrate() on PostgreSQL', { skip: skipWithoutPostgres, timeout: 120_000 }, () => {
  let server: TestPostgres
  before(async () => {
    server = await createTestPostgres()
  })
  after(() => server.drop())

  test('applies each migration once when twenty processes start at the same time', async () => {
    const known = await readMigrations()
    const databases = await Promise.all(
      Array.from({ length: 20 }, () => openPostgres({ url: server.url, maxConnections: 2, log })),
    )
    const applied = await Promise.all(databases.map((db) => migrate(db)))
    assert.deepEqual(applied.flat().toSorted(), known.map(({ number }) => number))
    await Promise.all(databases.map((db) => db.close()))
  })
})

describe('readMigrations()', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'webencode-migrations-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  test('reads numbered files in order, and refuses a gap', async () => {
    await writeFile(join(directory, '0001-one.sql'), 'SELECT 1')
    await writeFile(join(directory, 'README.md'), '')
    const [only, ...others] = await readMigrations(directory)
    assert.deepEqual([only?.number, only?.name, only?.script, others.length], [
      1,
      '0001-one.sql',
      'SELECT 1',
      0,
    ])
    await writeFile(join(directory, '0003-three.sql'), 'SELECT 3')
    await assert.rejects(readMigrations(directory), /without gaps/)
  })
})

describe('createTemplate()', { timeout: 120_000 }, () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'webencode-template-test-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  test('writes a small file from which a database starts migrated', async () => {
    const path = join(directory, 'template.tar.gz')
    await createTemplate(path)
    assert.deepEqual(await readdir(directory), ['template.tar.gz'])
    assert.ok((await stat(path)).size < 8_000_000)
    const db = await openPglite({ directory: null, template: path, log })
    assert.deepEqual(await migrate(db), [])
    await db.close()
  })
})
