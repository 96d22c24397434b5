/** Fresh, migrated databases for tests: PGlite in memory, and a real PostgreSQL where the environment names one. */
import { createHash, randomUUID } from 'node:crypto'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import process from 'node:process'
import { silentLog } from '../log.ts'
import { type Database } from './database.ts'
import { createTemplate, migrate, readMigrations } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'

/** A superuser's URL of a PostgreSQL server that tests may make databases on. */
const testServerUrl = process.env['WEBENCODE_TEST_DATABASE_URL']

/** For the `skip` option of tests that need a real PostgreSQL. */
export const skipWithoutPostgres: string | false = testServerUrl === undefined
  ? 'needs a PostgreSQL server: set WEBENCODE_TEST_DATABASE_URL'
  : false

/** The template of the current migrations, made once and kept in the system's temporary directory. */
export async function testTemplate(): Promise<string> {
  const checksums = (await readMigrations()).map((migration) => migration.checksum).join()
  const path = join(
    tmpdir(),
    `webencode-template-${
      createHash('sha256').update(checksums).digest('hex').slice(0, 16)
    }.tar.gz`,
  )
  const isThere = await access(path).then(() => true, () => false)
  if (!isThere) await createTemplate(path)
  return path
}

/** A migrated database in memory. */
export async function openTestPglite(): Promise<Database> {
  return await openPglite({ directory: null, template: await testTemplate(), log: silentLog })
}

/** A database of its own on the test server; `drop` closes the connections of `open` first. */
export interface TestPostgres {
  readonly url: string
  drop(): Promise<void>
}

/** Makes an empty database. @throws TypeError without a test server */
export async function createTestPostgres(): Promise<TestPostgres> {
  if (testServerUrl === undefined) throw new TypeError(skipWithoutPostgres.toString())
  const name = `webencode_test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(testServerUrl)
  await onServer(testServerUrl, `CREATE DATABASE ${name}`)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => onServer(testServerUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

async function onServer(url: string, script: string): Promise<void> {
  const server = await openPostgres({ url, maxConnections: 1, log: silentLog })
  try {
    await server.execute(script)
  } finally {
    await server.close()
  }
}

/** A migrated database of its own on the test server, dropped when it closes. */
export async function openTestPostgres(): Promise<Database> {
  const server = await createTestPostgres()
  const db = await openPostgres({ url: server.url, log: silentLog })
  await migrate(db)
  return {
    ...db,
    async close() {
      await db.close()
      await server.drop()
    },
  }
}

/** Declares the same tests on PGlite and, where there is a server, on PostgreSQL. `db()` is the database of the run. */
export function describeOnDatabases(name: string, body: (db: () => Database) => void): void {
  const adapters = [
    { kind: 'PGlite', open: openTestPglite, skip: false },
    { kind: 'PostgreSQL', open: openTestPostgres, skip: skipWithoutPostgres },
  ]
  for (const { kind, open, skip } of adapters) {
    void describe(`${name} on ${kind}`, { skip, timeout: 120_000 }, () => {
      let database: Database | undefined
      before(async () => {
        database = await open()
      })
      after(() => database?.close())
      body(() => {
        if (database === undefined) throw new TypeError('The database opens before the first test')
        return database
      })
    })
  }
}

const tables = [
  'actors',
  'event_log',
  'inbox',
  'outbox',
  'timers',
  'dead_letters',
  'jobs', // and with them their tasks
  'workers',
  'plugin_configs',
  'plugin_instances',
  'plugin_routes',
  'join_tokens',
  'worker_credentials',
  'owner_weights',
  'sessions',
  'known_users',
  'api_tokens',
  'token_revocations',
  'sign_in_failures',
  'redirect_sign_ins',
  'logout_notices',
  'idempotency_keys',
]

/** The audit lets go of its rows only to those who say that their time is over. */
const emptyAudit = `SELECT set_config('webencode.audit_pruning', 'on', true);
  DELETE FROM audit_events;
  DELETE FROM audit_outbox;
  SELECT set_config('webencode.audit_pruning', 'off', true)`

/** Empties every table; for few rows faster than TRUNCATE. */
export async function emptyTables(db: Database): Promise<void> {
  await db.execute([...tables.map((table) => `DELETE FROM ${table}`), emptyAudit].join(';'))
}
