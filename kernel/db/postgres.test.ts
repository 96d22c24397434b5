/** PostgreSQL: the common suite, and what only a server with several connections can show. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { WebEncodeError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { describeDatabase } from './database.suite.ts'
import { type Database, sql, sqlState } from './database.ts'
import { openPostgres } from './postgres.ts'
import { createTestPostgres, openTestPostgres, skipWithoutPostgres } from './test-database.ts'

describeDatabase('openPostgres()', openTestPostgres, { skip: skipWithoutPostgres })

test('openPostgres() refuses a server that is not there', async () => {
  const attempt = openPostgres({ url: 'postgres://nobody@127.0.0.1:1/nothing', log: silentLog })
  await assert.rejects(
    attempt,
    (failure) =>
      failure instanceof WebEncodeError && failure.code === 'WE-SYS-002' &&
      failure.next === 'retry',
  )
})

describe('openPostgres() with a server', { skip: skipWithoutPostgres, timeout: 60_000 }, () => {
  let db: Database
  before(async () => {
    db = await openTestPostgres()
  })
  after(() => db.close())

  test('sets the limits that end what hangs', async () => {
    const limits = await db.query<{ name: string; setting: string }>(sql`
      SELECT name, setting FROM pg_settings
      WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'TimeZone')
      ORDER BY name COLLATE "C"`)
    assert.deepEqual(limits, [
      { name: 'TimeZone', setting: 'UTC' },
      { name: 'idle_in_transaction_session_timeout', setting: '30000' },
      { name: 'lock_timeout', setting: '15000' },
      { name: 'statement_timeout', setting: '60000' },
    ])
  })

  test('compiles no plan, whatever it costs on paper', async () => {
    const plan = await db.query<{ 'QUERY PLAN': string }>(sql`
      EXPLAIN ANALYZE SELECT count(*) FROM workers WHERE hostname = 'no index has it'`)
    const text = plan.map((line) => line['QUERY PLAN']).join('\n')
    assert.match(text, /cost=1\d{10}/)
    assert.doesNotMatch(text, /JIT/)
  })

  test('transaction() fails without a SQLSTATE of its data when its connection is cut, and the pool goes on', async () => {
    const attempt = db.transaction(async (tx) => {
      await tx.query(
        sql`INSERT INTO idempotency_keys (user_id, key, request_hash, job_id) VALUES ('u', 'cut', 'h', 'j')`,
      )
      await tx.query(sql`SELECT pg_terminate_backend(pg_backend_pid())`)
    })
    await assert.rejects(attempt, (failure) => {
      assert.ok(failure instanceof WebEncodeError)
      assert.equal(failure.next, 'retry')
      assert.match(sqlState(failure) ?? '08', /^(08|57)/)
      return true
    })
    assert.deepEqual(await db.query(sql`SELECT key FROM idempotency_keys`), [])
  })

  test('survives that all its connections are cut again and again under load', async () => {
    const server = await createTestPostgres()
    const victim = await openPostgres({ url: server.url, maxConnections: 4, log: silentLog })
    const killer = await openPostgres({ url: server.url, maxConnections: 1, log: silentLog })
    await victim.execute('CREATE TABLE hits (id int)')
    const acknowledged: number[] = []
    const hit = async (id: number) => {
      const work = victim.transaction(async (tx) => {
        await tx.query(sql`INSERT INTO hits VALUES (${id})`)
        await tx.query(sql`SELECT pg_sleep(0.001)`)
      })
      await work.then(() => acknowledged.push(id), () => {})
      await victim.query(sql`SELECT ${id}::int`).catch(() => {})
    }
    for (let round = 0; round < 20; round++) {
      const hits = Promise.all(Array.from({ length: 10 }, (_, i) => hit(round * 10 + i)))
      await killer.query(sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`)
      await hits
    }
    const rows = await victim.query<{ id: number }>(sql`SELECT id FROM hits`)
    const kept = new Set(rows.map((row) => row.id))
    assert.deepEqual(acknowledged.filter((id) => !kept.has(id)), [])
    assert.equal(kept.size, rows.length)
    await Promise.all([victim.close(), killer.close()])
    await server.drop()
  })

  test('gives up a server that falls silent, and goes on when another connection answers', async () => {
    const server = await createTestPostgres()
    const way = await openWay(new URL(server.url))
    const far = await openPostgres({
      url: way.url,
      maxConnections: 4,
      silentMs: 300,
      log: silentLog,
    })
    const isOutOfReach = (failure: unknown) =>
      failure instanceof WebEncodeError && failure.code === 'WE-SYS-002' && failure.next === 'retry'
    await far.execute('CREATE TABLE hits (id int)')
    const inHand = far.transaction(async (tx) => {
      await tx.query(sql`INSERT INTO hits VALUES (1)`)
      way.swallow()
      await tx.query(sql`INSERT INTO hits VALUES (2)`)
    })
    await assert.rejects(inHand, isOutOfReach)
    await assert.rejects(far.query(sql`SELECT 1`), isOutOfReach)
    way.heal()
    assert.deepEqual(await far.query(sql`SELECT id FROM hits`), [])
    await far.close()
    await way.close()
    await server.drop()
  })

  test('a transaction is not seen from outside before its commit', async () => {
    const other = await createTestPostgres()
    const shared = await openPostgres({ url: other.url, log: silentLog })
    const watcher = await openPostgres({ url: other.url, log: silentLog })
    await shared.execute('CREATE TABLE seen (id int)')
    const count = () => watcher.query<{ n: number }>(sql`SELECT count(*)::int AS n FROM seen`)
    await shared.transaction(async (tx) => {
      await tx.query(sql`INSERT INTO seen VALUES (1)`)
      assert.deepEqual(await count(), [{ n: 0 }])
    })
    assert.deepEqual(await count(), [{ n: 1 }])
    await Promise.all([shared.close(), watcher.close()])
    await other.drop()
  })
})

/** A way to the server on which everything may vanish, as when a cable is pulled; connections that were lost stay so. */
async function openWay(target: URL) {
  const sockets = new Set<Socket>()
  let isSwallowing = false
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port || 5432) })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
      from.on('data', (bytes) => isSwallowing || lost.has(near) || to.write(bytes))
    }
    if (isSwallowing) lost.add(near)
  })
  const lost = new Set<Socket>()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    swallow() {
      isSwallowing = true
      for (const socket of sockets) lost.add(socket)
    },
    heal: () => isSwallowing = false,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
