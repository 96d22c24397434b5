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

function migration(number: number, script: string, oldestProgram = number): Migration {
  const name = `${String(number).padStart(4, '0')}-made.sql`
  return { number, name, script, checksum: String(number), oldestProgram }
}

const first = migration(1, 'CREATE TABLE first (id int); INSERT INTO first VALUES (1)')
const second = migration(2, 'INSERT INTO first VALUES (2)')
const broken = migration(2, 'INSERT INTO first VALUES (3); SELECT * FROM missing')
const log = silentLog

/** Empty databases, one for each test. */
const adapters = [
  { kind: 'PGlite', skip: false, open: () => openPglite({ directory: null, log }) },
  { kind: 'PostgreSQL', skip: skipWithoutPostgres, open: openEmptyPostgres },
]
for (const { kind, skip, open } of adapters) {
  describe(`migrate() on ${kind}`, { skip, timeout: 120_000 }, () => describeMigrate(open))
}

async function openEmptyPostgres(): Promise<Database> {
  const server = await createTestPostgres()
  const db = await openPostgres({ url: server.url, log })
  return { ...db, close: () => db.close().then(() => server.drop()) }
}

function describeMigrate(open: () => Promise<Database>): void {
  let db: Database
  beforeEach(async () => {
    db = await open()
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
      assert.match(failure.message, /0002-made\.sql/)
      assert.equal(sqlState(failure), '42P01')
      return true
    })
    assert.deepEqual(await rows(), [1])
    assert.deepEqual(await migrate(db, [first, second]), [2])
  })

  test('refuses a database that is newer than the program, unless every newer migration lets it stay', async () => {
    const added = migration(2, 'ALTER TABLE first ADD COLUMN note text', 1)
    const renamed = migration(3, 'ALTER TABLE first RENAME COLUMN note TO remark', 2)
    await migrate(db, [first, added])
    assert.deepEqual(await migrate(db, [first]), [])
    assert.deepEqual(await migrate(db, [first, added]), [])
    await migrate(db, [first, added, renamed])
    await assert.rejects(
      migrate(db, [first]),
      /its migration 3 needs a program that knows migration 2, and this one knows them up to 1/,
    )
    assert.deepEqual(await migrate(db, [first, added]), [])
  })

  test('takes a database whose migrations were recorded before they named an oldest program', async () => {
    await migrate(db, [first, second])
    await db.execute('ALTER TABLE schema_migrations DROP COLUMN oldest_program')
    assert.deepEqual(await migrate(db, [first, second]), [])
    await assert.rejects(migrate(db, [first]), /its migration 2 needs a program that knows/)
  })

  test('refuses a migration that has changed since it was applied', async () => {
    await migrate(db, [first])
    await assert.rejects(migrate(db, [{ ...first, checksum: 'z' }]), /0001-made\.sql has changed/)
  })

  test('applies the migrations of this program', async () => {
    const known = await readMigrations()
    assert.deepEqual(await migrate(db), known.map(({ number }) => number))
    assert.deepEqual(await db.query(sql`SELECT count(*)::int AS n FROM jobs`), [{ n: 0 }])
  })
}

describe('migrate() by many processes', { skip: skipWithoutPostgres, timeout: 120_000 }, () => {
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
    await rm(join(directory, '0003-three.sql'))
  })

  test('reads the oldest program from the first line alone; without one it is the migration itself', async () => {
    const file = join(directory, '0002-two.sql')
    const oldest = async (script: string) => {
      await writeFile(file, script)
      return (await readMigrations(directory)).at(-1)?.oldestProgram
    }
    assert.equal(await oldest('-- oldest program: 1\nSELECT 2'), 1)
    assert.equal(await oldest('SELECT 2\n-- oldest program: 1'), 2)
    for (const impossible of [0, 3]) {
      await assert.rejects(oldest(`-- oldest program: ${impossible}`), /from 1 to its own number/)
    }
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
