/** The embedded database: the common suite, its thread, its directory, its maintenance, and what survives a kill. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WebEncodeError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { describeDatabase } from './database.suite.ts'
import { sql } from './database.ts'
import { openPglite } from './pglite.ts'
import { openTestPglite, testTemplate } from './test-database.ts'

const log = silentLog
const sources = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const writer = fileURLToPath(new URL(`./pglite-writer.fixture${sources}`, import.meta.url))
/** Deno needs to be told; Node runs a file. */
const runArguments = 'Deno' in globalThis ? ['run', '-A', '--no-check', writer] : [writer]

describeDatabase(
  'openPglite() in memory',
  async () => openPglite({ directory: null, template: await testTemplate(), log }),
)

describe('openPglite()', { timeout: 180_000 }, () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'webencode-pglite-'))
  })
  after(() => rm(root, { recursive: true, force: true }))
  const open = async (name: string) =>
    openPglite({ directory: join(root, name), template: await testTemplate(), log })

  test('keeps what was committed for the next start', async () => {
    const db = await open('kept')
    await db.query(
      sql`INSERT INTO idempotency_keys (user_id, key, request_hash, job_id) VALUES ('u', 'k', 'h', 'j')`,
    )
    await db.close()
    const again = await open('kept')
    assert.deepEqual(await again.query(sql`SELECT job_id FROM idempotency_keys`), [{ job_id: 'j' }])
    await again.close()
  })

  test('makes a database without a template', async () => {
    const db = await openPglite({ directory: join(root, 'initdb'), log })
    assert.deepEqual(await db.query(sql`SELECT 1 AS one`), [{ one: 1 }])
    await db.close()
  })

  test('starts anew where a first start was interrupted', async () => {
    const { mkdir, writeFile } = await import('node:fs/promises')
    await mkdir(join(root, 'half', 'pgdata.new'), { recursive: true })
    await writeFile(join(root, 'half', 'pgdata.new', 'PG_VERSION'), '18')
    const db = await open('half')
    assert.deepEqual(await db.query(sql`SELECT count(*)::int AS jobs FROM jobs`), [{ jobs: 0 }])
    await db.close()
    assert.deepEqual((await readdir(join(root, 'half'))).toSorted(), ['pgdata'])
  })

  test('refuses a directory that is open already, naming the process, and lets it in after close', async () => {
    const db = await open('shared')
    await assert.rejects(open('shared'), (failure) => {
      assert.ok(failure instanceof WebEncodeError)
      assert.equal(failure.code, 'WE-SYS-002')
      assert.match(failure.message, new RegExp(`process ${process.pid} `))
      return true
    })
    await db.close()
    await (await open('shared')).close()
  })

  test('leaves the directory unlocked when it cannot start', async () => {
    const directory = join(root, 'no-template')
    await assert.rejects(
      openPglite({ directory, template: join(root, 'missing.tar.gz'), log }),
      WebEncodeError,
    )
    const db = await openPglite({ directory, template: await testTemplate(), log })
    await db.close()
  })

  test('does not hold up the event loop while a query runs', async () => {
    const db = await openTestPglite()
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    await db.query(sql`SELECT count(*) FROM generate_series(1, 2000000)`)
    clearInterval(timer)
    await db.close()
    assert.ok(ticks >= 5, `${ticks} ticks`)
  })

  test('vacuums and checkpoints after many transactions, between other work', async () => {
    const db = await openPglite({
      directory: null,
      template: await testTemplate(),
      log,
      maintenance: { everyTransactions: 20 },
    })
    const vacuumed = () =>
      db.query<{ done: boolean }>(
        sql`SELECT reltuples >= 0 AS done FROM pg_class WHERE relname = 'jobs'`,
      )
    await db.execute('CREATE TABLE jobs_before AS SELECT 1')
    for (let i = 0; i < 25; i++) await db.transaction((tx) => tx.query(sql`SELECT 1`))
    // The rounds take turns with these reads, so a bounded number of them sees the end of one.
    let done = false
    for (let i = 0; i < 50 && !done; i++) done = (await vacuumed())[0]?.done ?? false
    assert.ok(done)
    await db.close()
  })
})

test(
  'openPglite() uses the room again that rows of any table left',
  { timeout: 180_000 },
  async () => {
    const db = await openPglite({
      directory: null,
      template: await testTemplate(),
      log,
      maintenance: { everyTransactions: 5 },
    })
    const round = async () => {
      await db.query(sql`
      INSERT INTO event_log (actor_id, version, event_id, event)
      SELECT 'a', n, 'e' || n, jsonb_build_object('type', repeat('x', 200)) FROM generate_series(1, 2000) AS n`)
      await db.query(sql`DELETE FROM event_log WHERE actor_id = 'a'`)
      // Its statements take turns with these.
      for (let i = 0; i < 40; i++) await db.query(sql`SELECT 1`)
      const [row] = await db.query<{ bytes: number }>(
        sql`SELECT pg_relation_size('event_log')::int AS bytes`,
      )
      return row?.bytes ?? 0
    }
    const first = await round()
    for (let i = 0; i < 4; i++) await round()
    const last = await round()
    assert.ok(last <= 2 * first, `${last} bytes after six rounds, ${first} after one`)
    await db.close()
  },
)

describe('a process that is killed', { timeout: 180_000 }, () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'webencode-pglite-kill-'))
  })
  after(() => rm(root, { recursive: true, force: true }))

  /** Starts the fixture and kills it as soon as it has acknowledged so many rows. @returns the rows it acknowledged */
  async function writeUntilKilled(directory: string, rows: number): Promise<number[]> {
    const child = spawn(process.execPath, [...runArguments, directory, await testTemplate()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const acknowledged: number[] = []
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(Number(line))
      if (acknowledged.length === rows) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return acknowledged
  }

  test('loses no acknowledged row, and its lock is taken over', async () => {
    const directory = join(root, 'rows')
    const acknowledged = new Set<number>()
    for (const rows of [1, 30, 80]) {
      for (const row of await writeUntilKilled(directory, rows)) acknowledged.add(row)
      const db = await openPglite({ directory, log })
      const kept = new Set(
        (await db.query<{ id: number }>(sql`SELECT id FROM acknowledged`)).map((row) => row.id),
      )
      assert.deepEqual([...acknowledged].filter((row) => !kept.has(row)), [])
      await db.close()
    }
    assert.ok(acknowledged.size >= 111)
  })

  test('holds its directory against other processes while it lives', async () => {
    const directory = join(root, 'held')
    const db = await openPglite({ directory, template: await testTemplate(), log })
    const attempt = promisify(execFile)(process.execPath, [
      ...runArguments,
      directory,
      await testTemplate(),
    ])
    await assert.rejects(attempt, (failure) => {
      assert.match(
        String(Reflect.get(Object(failure), 'stderr')),
        new RegExp(`process ${process.pid} on .* uses it`),
      )
      return true
    })
    await db.close()
  })
})
