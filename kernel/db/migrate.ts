/** The schema's migrations: numbered SQL files beside this module, each applied once, in order. */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { WebEncodeError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { type Database, type Reader, sql, sqlState } from './database.ts'
import { connectPglite } from './pglite-connection.ts'
import { pgliteOver } from './pglite.ts'

/** One file: `0001-actors-and-jobs.sql`. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly script: string
  /** SHA-256 of the file, hex. */
  readonly checksum: string
  /**
   * The oldest program that may go on using the database after this migration, named by the newest migration that it
   * knows. From the first line of the file, `-- oldest program: 1`. @default the migration's own number
   */
  readonly oldestProgram: number
}

/** Names the advisory lock under which migrations run: "webencod" as a number. */
const lockKey = '8602798063302836068'

const ownDirectory = fileURLToPath(new URL('./migrations/', import.meta.url))

/**
 * Reads the migrations of a directory, in order.
 * @throws TypeError when their numbers are not 1, 2, 3 …, or one names an oldest program that cannot be
 */
export async function readMigrations(directory: string = ownDirectory): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
  return await Promise.all(names.map(async (name, i) => {
    const number = Number(name.slice(0, 4))
    if (number !== i + 1) {
      throw new TypeError(
        `Migrations must be numbered without gaps: ${name} is the ${i + 1}th file`,
      )
    }
    const script = await readFile(`${directory}/${name}`, 'utf8')
    const checksum = createHash('sha256').update(script).digest('hex')
    return { number, name, script, checksum, oldestProgram: oldestProgramOf(number, name, script) }
  }))
}

function oldestProgramOf(number: number, name: string, script: string): number {
  const declared = /^-- oldest program: (\d+)$/m.exec(script.split('\n', 1)[0] ?? '')?.[1]
  const oldest = Number(declared ?? number)
  if (oldest >= 1 && oldest <= number) return oldest
  throw new TypeError(
    `The oldest program of a migration must be one from 1 to its own number: ${name} says ${oldest}`,
  )
}

/**
 * Brings the database to the newest schema. Any number of processes may do it at the same time, and programs of two
 * releases side by side: what a newer one applied is left alone as long as it says that this program may stay.
 * @returns the numbers that this call applied
 * @throws WE-SYS-002 when the database is too new for this program, or was migrated by files that have changed since
 */
export async function migrate(db: Database, migrations?: readonly Migration[]): Promise<number[]> {
  const known = migrations ?? await readMigrations()
  await db.execute(underLock(`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      number     int PRIMARY KEY,
      name       text NOT NULL,
      checksum   text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );
    -- Missing where the first release made the table; null counts as the migration's own number.
    ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS oldest_program int`))
  const applied = await readApplied(db)
  refuseStrangers(applied, known)
  const done: number[] = []
  for (const migration of known) {
    if (!applied.has(migration.number) && await apply(db, migration)) done.push(migration.number)
  }
  return done
}

/**
 * Writes a template that embedded databases start from the first time: a migrated, empty data directory as a gzipped tar.
 * The file appears whole or not at all.
 * Gzip makes it a tenth of its size (4.5 MB) and costs the start 60 ms.
 */
export async function createTemplate(path: string): Promise<void> {
  const connection = await connectPglite({ dataDirectory: null, template: null })
  const db = pgliteOver(connection, { log: silentLog })
  const draft = `${path}.${randomUUID()}`
  try {
    await migrate(db)
    await db.execute('VACUUM FREEZE ANALYZE')
    await db.execute('CHECKPOINT')
    await writeFile(draft, await promisify(gzip)(await connection.dump(), { level: 9 }))
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
    await db.close()
  }
}

/** The script, its record and the lock are one transaction: several statements sent at once are. */
async function apply(
  db: Database,
  { number, name, script, checksum, oldestProgram }: Migration,
): Promise<boolean> {
  const record = `
    INSERT INTO schema_migrations (number, name, checksum, oldest_program)
    VALUES (${number}, '${name}', '${checksum}', ${oldestProgram})`
  try {
    await db.execute(underLock(`${record};\n${script}`))
    return true
  } catch (failure) {
    // Another process had the lock first and applied it: its record is there, and ours broke the primary key.
    if (sqlState(failure) === '23505' && (await readApplied(db)).has(number)) return false
    throw new WebEncodeError('WE-SYS-002', `Cannot apply the migration ${name}`, {
      next: 'stop',
      cause: failure,
    })
  }
}

/** The lock is held until the end of the implicit transaction of the whole script. */
function underLock(script: string): string {
  return `SET LOCAL lock_timeout = 0;\nSET LOCAL statement_timeout = '10min';\nSELECT pg_advisory_xact_lock(${lockKey});\n${script}`
}

interface AppliedMigration {
  readonly checksum: string
  readonly oldestProgram: number
}

async function readApplied(db: Reader): Promise<Map<number, AppliedMigration>> {
  const rows = await db.query<AppliedMigration & { number: number }>(sql`
    SELECT number, checksum, coalesce(oldest_program, number) AS "oldestProgram"
    FROM schema_migrations`)
  return new Map(rows.map((row) => [row.number, row]))
}

function refuseStrangers(
  applied: ReadonlyMap<number, AppliedMigration>,
  known: readonly Migration[],
): void {
  for (const [number, { oldestProgram }] of applied) {
    if (number <= known.length || oldestProgram <= known.length) continue
    throw new WebEncodeError(
      'WE-SYS-002',
      `Cannot use the database: its migration ${number} needs a program that knows migration ${oldestProgram}, and this one knows them up to ${known.length}`,
      { next: 'stop' },
    )
  }
  for (const { number, name, checksum } of known) {
    const found = applied.get(number)
    if (found === undefined || found.checksum === checksum) continue
    throw new WebEncodeError(
      'WE-SYS-002',
      `Cannot use the database: the migration ${name} has changed since it was applied`,
      { next: 'stop' },
    )
  }
}
