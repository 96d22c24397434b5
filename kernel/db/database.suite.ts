/** The behaviour that every database adapter must show: run it with a function that opens an empty database. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WebEncodeError } from '../errors.ts'
import { type Database, json, nothing, sql, sqlState, type Writer } from './database.ts'

/**
 * Declares the suite.
 * @param openDatabase - opens an empty database; called once for the suite, and once more to be closed
 */
export function describeDatabase(
  name: string,
  openDatabase: () => Promise<Database>,
  options: { skip?: string | false } = {},
): void {
  describe(name, { timeout: 120_000, ...options }, () => {
    let database: Database
    before(async () => {
      database = await openDatabase()
      await database.execute(
        'CREATE TABLE t (id int PRIMARY KEY, name text); CREATE TABLE wide (id int, body text)',
      )
    })
    after(() => database.close())
    const db = () => database
    describe('rows', () => describeRows(db))
    describe('parameters', () => describeParameters(db))
    describe('transactions', () => describeTransactions(db))
    describe('guard', () => describeGuard(db))
    describe('failures', () => describeFailures(db))
    describe('scripts', () => describeScripts(db))
    describe('notifications', () => describeNotifications(db))
    describe('close', () => describeClose(openDatabase))
  })
}

type Subject = () => Database

/** The only column of the only row. */
async function valueOf(
  db: Database | Writer,
  statement: Parameters<Database['query']>[0],
): Promise<unknown> {
  const rows = await db.query<Record<string, unknown>>(statement)
  assert.equal(rows.length, 1)
  return Object.values(rows[0] ?? {})[0]
}

async function isFailing(
  db: Database | Writer,
  statement: Parameters<Database['query']>[0],
  state: string,
): Promise<void> {
  await assert.rejects(db.query(statement), (failure) => {
    assert.ok(failure instanceof WebEncodeError)
    assert.equal(failure.code, 'WE-SYS-002')
    assert.equal(sqlState(failure), state)
    return true
  })
}

function describeRows(db: Subject): void {
  const cases: [string, Parameters<Database['query']>[0], unknown][] = [
    ['bigint as a number', sql`SELECT 9007199254740991::bigint`, 9007199254740991],
    ['negative bigint as a number', sql`SELECT (-5)::bigint`, -5],
    ['count(*) as a number', sql`SELECT count(*) FROM generate_series(1, 3)`, 3],
    ['int, smallint and oid as numbers', sql`SELECT ARRAY[1::int, 2::smallint, 3]`, [1, 2, 3]],
    ['real as the number it prints', sql`SELECT 0.1::real`, 0.1],
    ['double precision as a number', sql`SELECT 1e300::float8`, 1e300],
    ['numeric as text', sql`SELECT 12345678901234567890.50::numeric`, '12345678901234567890.50'],
    [
      'sum of bigint, which is numeric, as text',
      sql`SELECT sum(x::bigint) FROM generate_series(1, 3) x`,
      '6',
    ],
    ['true', sql`SELECT true`, true],
    ['false', sql`SELECT false`, false],
    ['NULL', sql`SELECT NULL::int`, null],
    ['text', sql`SELECT 'ü\\"''x'`, `ü\\"'x`],
    [
      'timestamptz as a Date',
      sql`SELECT '2026-11-22T10:00:00.123+02:00'::timestamptz`,
      new Date('2026-11-22T08:00:00.123Z'),
    ],
    ['date as text', sql`SELECT '2026-11-22'::date`, '2026-11-22'],
    ['json parsed', sql`SELECT '{"a": [1, null]}'::json`, { a: [1, null] }],
    ['jsonb parsed', sql`SELECT '{"a": [1, null]}'::jsonb`, { a: [1, null] }],
    ['a jsonb string as a string', sql`SELECT '"[1]"'::jsonb`, '[1]'],
    ['jsonb null as null', sql`SELECT 'null'::jsonb`, null],
    ['bytea as bytes', sql`SELECT '\\x00ff10'::bytea`, new Uint8Array([0, 255, 16])],
    ['text[]', sql`SELECT ARRAY['a', 'b,"\\{}', NULL, 'NULL', '', ' ']`, [
      'a',
      'b,"\\{}',
      null,
      'NULL',
      '',
      ' ',
    ]],
    ['bigint[]', sql`SELECT ARRAY[1::bigint, NULL]`, [1, null]],
    ['an empty array', sql`SELECT '{}'::text[]`, []],
    ['float8[]', sql`SELECT ARRAY[0.5::float8]`, [0.5]],
    ['other types as text', sql`SELECT '1 day'::interval`, '1 day'],
  ]
  for (const [name, statement, expected] of cases) {
    test(`query() answers ${name}`, async () =>
      assert.deepEqual(await valueOf(db(), statement), expected))
  }

  test('query() answers plain objects with the names of the columns', async () => {
    assert.deepEqual(await db().query(sql`SELECT 1 AS "camelCase", 'x' AS snake_case`), [{
      camelCase: 1,
      snake_case: 'x',
    }])
  })

  test('query() answers an empty array for no rows, and for a statement without rows', async () => {
    assert.deepEqual(await db().query(sql`SELECT 1 WHERE false`), [])
    assert.deepEqual(await db().query(sql`DELETE FROM t WHERE false`), [])
  })

  test('query() refuses a bigint beyond 2^53 with a RangeError, and goes on', async () => {
    await assert.rejects(db().query(sql`SELECT 9007199254740993::bigint AS big`), RangeError)
    assert.equal(await valueOf(db(), sql`SELECT 1`), 1)
  })

  test('query() carries megabytes both ways', async () => {
    const body = 'ü'.repeat(3_000_000)
    await db().query(sql`INSERT INTO wide VALUES (1, ${body})`)
    assert.equal(await valueOf(db(), sql`SELECT body FROM wide WHERE id = 1`), body)
  })

  test('query() carries many rows', async () => {
    const rows = await db().query<{ x: number }>(sql`SELECT x FROM generate_series(1, 20000) x`)
    assert.equal(rows.length, 20_000)
    assert.equal(rows.at(-1)?.x, 20_000)
  })

  test('query() notices that a table has other columns now', async () => {
    await db().execute('CREATE TABLE changing (a int); INSERT INTO changing VALUES (1)')
    const read = sql`SELECT * FROM changing`
    assert.deepEqual(await db().query(read), [{ a: 1 }])
    await db().execute('ALTER TABLE changing ADD b int DEFAULT 2')
    assert.deepEqual(await db().query(read), [{ a: 1, b: 2 }])
    await db().execute('ALTER TABLE changing ADD c int DEFAULT 3')
    assert.deepEqual(await db().transaction((tx) => tx.query(read)), [{ a: 1, b: 2, c: 3 }])
  })
}

function describeParameters(db: Subject): void {
  const day = new Date('2026-11-22T10:00:00.123Z')
  const cases: [string, Parameters<Database['query']>[0], unknown][] = [
    ['text', sql`SELECT ${`it's "x" \\ ü\n`}::text`, `it's "x" \\ ü\n`],
    ['an empty text', sql`SELECT ${''}::text`, ''],
    ['numbers', sql`SELECT ${1.5}::float8`, 1.5],
    ['a number for an int column', sql`SELECT id FROM (VALUES (7)) v(id) WHERE id = ${7}`, 7],
    ['a bigint', sql`SELECT ${2n ** 52n}::bigint`, 2 ** 52],
    ['true', sql`SELECT ${true}::boolean`, true],
    ['false', sql`SELECT ${false}::boolean`, false],
    ['null', sql`SELECT ${null}::text`, null],
    ['a Date', sql`SELECT ${day}::timestamptz`, day],
    ['bytes', sql`SELECT ${new Uint8Array([0, 255]).subarray(1)}::bytea`, new Uint8Array([255])],
    ['text[]', sql`SELECT ${['a', 'b,"\\{}', 'NULL', '']}::text[]`, ['a', 'b,"\\{}', 'NULL', '']],
    ['int[]', sql`SELECT ${[1, -2]}::int[]`, [1, -2]],
    ['an empty array', sql`SELECT ${[]}::text[]`, []],
    ['a JSON object', sql`SELECT ${json({ a: ['x', { b: null }] })}`, { a: ['x', { b: null }] }],
    ['a JSON array', sql`SELECT ${json([1])}`, [1]],
    ['a JSON string as a string', sql`SELECT ${json('{"a":1}')}`, '{"a":1}'],
    ['JSON null', sql`SELECT ${json(undefined)}`, null],
    [
      'a statement inside a statement',
      sql`SELECT ${1}::int + (${sql`SELECT ${2}::int`}) + ${3}::int`,
      6,
    ],
    ['nothing', sql`SELECT 1 ${nothing}`, 1],
  ]
  for (const [name, statement, expected] of cases) {
    test(`query() binds ${name}`, async () =>
      assert.deepEqual(await valueOf(db(), statement), expected))
  }

  test('query() binds the same parameters again to a prepared statement', async () => {
    for (const n of [1, 2, 3, 4, 5, 6, 7]) {
      assert.equal(await valueOf(db(), sql`SELECT ${n}::int * 2`), n * 2)
    }
  })

  test('sql refuses undefined', () => {
    assert.throws(() => sql`SELECT ${undefined as unknown as null}`, TypeError)
  })
}

function describeTransactions(db: Subject): void {
  test('transaction() commits and answers what its work answers', async () => {
    const answer = await db().transaction(async (tx) => {
      await tx.query(sql`INSERT INTO t VALUES (1, 'one')`)
      return { done: [true] }
    })
    assert.deepEqual(answer, { done: [true] })
    assert.equal(await valueOf(db(), sql`SELECT name FROM t WHERE id = 1`), 'one')
  })

  test('transaction() rolls back and throws what its work throws', async () => {
    const reason = new Error('no')
    const attempt = db().transaction(async (tx) => {
      await tx.query(sql`INSERT INTO t VALUES (2, 'two')`)
      throw reason
    })
    await assert.rejects(attempt, (failure) => failure === reason)
    assert.equal(await valueOf(db(), sql`SELECT count(*)::int FROM t WHERE id = 2`), 0)
  })

  test('transaction() fails when a statement failed, even if its work caught the error', async () => {
    const attempt = db().transaction(async (tx) => {
      await tx.query(sql`INSERT INTO t VALUES (3, 'three')`)
      await tx.query(sql`SELECT * FROM missing`).catch(() => {})
      return 'fine'
    })
    await assert.rejects(attempt, (failure) => sqlState(failure) === '42P01')
    assert.equal(await valueOf(db(), sql`SELECT count(*)::int FROM t WHERE id = 3`), 0)
  })

  test('transaction() fails with the error of a constraint that is checked at its end', async () => {
    await db().execute('CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
    const attempt = db().transaction((tx) => tx.query(sql`INSERT INTO late VALUES (1), (1)`))
    await assert.rejects(attempt, (failure) => sqlState(failure) === '23505')
    assert.equal(await valueOf(db(), sql`SELECT count(*)::int FROM late`), 0)
  })

  test('transaction() works without a statement', async () => {
    assert.equal(await db().transaction(() => Promise.resolve(7)), 7)
  })

  test('transaction() takes statements that are sent at once', async () => {
    const answers = await db().transaction((tx) =>
      Promise.all([1, 2, 3].map((n) => valueOf(tx, sql`SELECT ${n}::int`)))
    )
    assert.deepEqual(answers, [1, 2, 3])
  })

  test('transaction() keeps one clock', async () => {
    const [one, other] = await db().transaction(async (tx) => [
      await valueOf(tx, sql`SELECT now()`),
      await valueOf(tx, sql`SELECT now() FROM generate_series(1, 1)`),
    ])
    assert.deepEqual(one, other)
  })

  test('transaction() runs next to others', async () => {
    await db().query(sql`INSERT INTO t VALUES (10, '0')`)
    await Promise.all(Array.from({ length: 20 }, () =>
      db().transaction(async (tx) => {
        const name = await valueOf(tx, sql`SELECT name FROM t WHERE id = 10 FOR UPDATE`)
        await tx.query(sql`UPDATE t SET name = ${String(Number(name) + 1)} WHERE id = 10`)
      })))
    assert.equal(await valueOf(db(), sql`SELECT name FROM t WHERE id = 10`), '20')
  })

  test('a writer is of no use after its transaction', async () => {
    let kept: Writer | undefined
    await db().transaction(async (tx) => {
      kept = tx
      await tx.query(sql`SELECT 1`)
    })
    await assert.rejects(async () => await kept?.query(sql`SELECT 1`), TypeError)
  })
}

function describeGuard(db: Subject): void {
  const misuses: [string, (db: Database) => Promise<unknown>][] = [
    ['query', (db) => db.query(sql`SELECT 1`)],
    ['transaction', (db) => db.transaction((tx) => tx.query(sql`SELECT 1`))],
    ['execute', (db) => db.execute('SELECT 1')],
    ['listen', (db) => db.listen('channel', () => {})],
    ['close', async (db) => await db.close()],
  ]
  for (const [name, misuse] of misuses) {
    test(`${name}() inside the database's own transaction is a TypeError, not a deadlock`, async () => {
      await db().transaction(async (tx) => {
        await tx.query(sql`SELECT 1`)
        await assert.rejects(async () => await misuse(db()), TypeError)
      })
      assert.equal(await valueOf(db(), sql`SELECT 1`), 1)
    })
  }

  test('what was started inside a transaction may use the database after its end', async () => {
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let later: Promise<unknown> = Promise.resolve()
    await db().transaction(async (tx) => {
      await tx.query(sql`SELECT 1`)
      later = ended.then(() => valueOf(db(), sql`SELECT 5`))
    })
    end()
    assert.equal(await later, 5)
  })
}

function describeFailures(db: Subject): void {
  test('query() fails with WE-SYS-002 and the SQLSTATE of the server', async () => {
    await isFailing(db(), sql`SELECT * FROM missing`, '42P01')
    await isFailing(db(), sql`SELEC 1`, '42601')
    await isFailing(db(), sql`SELECT ${'x'}::int`, '22P02')
    await isFailing(db(), sql`SELECT 1 / ${0}::int`, '22012')
    await db().query(sql`INSERT INTO t VALUES (20, 'x')`)
    await isFailing(db(), sql`INSERT INTO t VALUES (20, 'y')`, '23505')
  })

  test('query() says what failed, and whether trying again makes sense', async () => {
    const failure: unknown = await db().query(sql`SELECT * FROM missing WHERE x = ${'secret'}`)
      .catch((cause: unknown) => cause)
    assert.ok(failure instanceof WebEncodeError)
    assert.equal(failure.message, 'Cannot run a statement: relation "missing" does not exist')
    assert.equal(failure.next, 'stop')
    assert.ok(failure.cause instanceof Error)
    assert.equal(Reflect.get(failure.cause, 'statement'), 'SELECT * FROM missing WHERE x = $1')
  })

  test('query() works after failures', async () => {
    for (let i = 0; i < 3; i++) await isFailing(db(), sql`SELECT * FROM missing`, '42P01')
    assert.equal(await valueOf(db(), sql`SELECT 1`), 1)
  })

  test('a failed statement makes the rest of its transaction fail', async () => {
    const attempt = db().transaction(async (tx) => {
      await isFailing(tx, sql`SELECT * FROM missing`, '42P01')
      await isFailing(tx, sql`SELECT 1`, '25P02')
    })
    await assert.rejects(attempt, (failure) => sqlState(failure) === '42P01')
  })
}

function describeScripts(db: Subject): void {
  test('execute() runs several statements, all or none', async () => {
    await db().execute(
      'CREATE TABLE s (id int); INSERT INTO s VALUES (1); INSERT INTO s VALUES (2)',
    )
    await assert.rejects(
      db().execute('INSERT INTO s VALUES (3); SELECT * FROM missing'),
      (failure) => sqlState(failure) === '42P01',
    )
    assert.equal(await valueOf(db(), sql`SELECT count(*)::int FROM s`), 2)
  })

  test('execute() leaves no transaction open when a script fails inside its own', async () => {
    await assert.rejects(
      db().execute('BEGIN; INSERT INTO t VALUES (30, NULL); SELECT * FROM missing; COMMIT'),
    )
    await db().query(sql`INSERT INTO t VALUES (31, 'x')`)
    assert.deepEqual(await db().query(sql`SELECT id FROM t WHERE id IN (30, 31)`), [{ id: 31 }])
  })

  test('execute() runs what no transaction may', async () => {
    await db().execute('VACUUM t')
  })
}

function describeNotifications(db: Subject): void {
  test('listen() hears of a channel after the commit, and nothing of a rollback', async () => {
    const heard: string[] = []
    let ring = () => {}
    const rang = new Promise<void>((resolve) => {
      ring = resolve
    })
    const unlisten = await db().listen('Bell "1"', (payload) => {
      heard.push(payload)
      if (payload === 'last') ring()
    })
    const notify = (payload: string) => sql`SELECT pg_notify('Bell "1"', ${payload})`
    await assert.rejects(
      db().transaction(async (tx) => {
        await tx.query(notify('rolled back'))
        throw new Error('no')
      }),
    )
    await db().query(sql`SELECT pg_notify('other', 'x')`)
    await db().transaction(async (tx) => {
      await tx.query(notify('first'))
      assert.deepEqual(heard, [])
    })
    await db().query(notify('last'))
    await rang
    assert.deepEqual(heard, ['first', 'last'])
    await unlisten()
    await db().query(notify('after'))
    assert.equal(await valueOf(db(), sql`SELECT 1`), 1)
    assert.deepEqual(heard, ['first', 'last'])
  })
}

function describeClose(openDatabase: () => Promise<Database>): void {
  test('close() waits for running work, then everything fails with WE-SYS-002; closing again does nothing', async () => {
    const db = await openDatabase()
    const running = db.transaction(async (tx) =>
      await valueOf(tx, sql`SELECT 1 FROM pg_sleep(0.05)`)
    )
    const closing = db.close()
    assert.equal(await running, 1)
    await closing
    await db.close()
    const isClosed = (failure: unknown) =>
      failure instanceof WebEncodeError && failure.code === 'WE-SYS-002'
    await assert.rejects(db.query(sql`SELECT 1`), isClosed)
    await assert.rejects(db.transaction((tx) => tx.query(sql`SELECT 1`)), isClosed)
  })
}
