/** Job submissions that are durable when they are answered, per second, beside two job queues on the same PostgreSQL. */
import { sql } from '../../../kernel/db/database.ts'
import { openPostgres } from '../../../kernel/db/postgres.ts'
import { silentLog } from '../../../kernel/log.ts'
import { type Figure, percentile, type Section } from '../figure.ts'
import { type LoadResult, runCallers } from './load.ts'
import { createDatabase, withPostgres } from './postgres.ts'
import { openGraphileWorker, openPgBoss, openWebEncode, type Submitter } from './submitters.ts'

/** Submissions under way at the same time, each sent when the one before it was answered. */
const callers = 100
const seconds = 5

interface Measured extends LoadResult {
  readonly name: string
  /** Rows that a submission leaves in the database. */
  readonly rowsEach: number
}

export const submissionsSection: Section = {
  name: 'submissions',
  measure: (say) =>
    withPostgres(async (serverUrl) => {
      const open = { ours: openWebEncode, boss: openPgBoss, graphile: openGraphileWorker }
      const measured: Measured[] = []
      for (const [name, openOne] of Object.entries(open)) {
        const url = await createDatabase(serverUrl, name)
        measured.push(await measure(url, await openOne(url)))
        say(lineOf(measured.at(-1)))
      }
      return figuresFrom(measured)
    }),
}

/** Rows are counted at the end: what was written and deleted again meanwhile does not count for anybody. */
async function measure(url: string, submitter: Submitter): Promise<Measured> {
  const before = await countRows(url)
  let submitted = 0
  const submit = async () => {
    await submitter.submit()
    submitted++
  }
  const result = await runCallers({ callers, seconds, call: submit })
  const rowsEach = (await countRows(url) - before) / submitted
  await submitter.close()
  return { ...result, name: submitter.name, rowsEach }
}

async function countRows(url: string): Promise<number> {
  const db = await openPostgres({ url, maxConnections: 1, log: silentLog })
  try {
    const tables = await db.query<{ name: string }>(sql`
      SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name
      FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
    let rows = 0
    for (const { name } of tables) {
      // ONLY: the rows of a partition are counted where they are.
      const text = `SELECT count(*)::int AS count FROM ONLY ${name}`
      const [counted] = await db.query<{ count: number }>({ text, values: [] })
      rows += counted?.count ?? 0
    }
    return rows
  } finally {
    await db.close()
  }
}

function figuresFrom(measured: readonly Measured[]): Figure[] {
  const [ours, ...peers] = measured
  const peer = peers.toSorted((a, b) => rowRate(b) - rowRate(a))[0]
  if (ours === undefined || peer === undefined) return []
  const p99 = percentile(ours.waits, 0.99)
  const ratio = rowRate(ours) / rowRate(peer)
  const how =
    `${callers} callers of the gateway for ${seconds} s, each job answered when it was durable`
  return [
    {
      name: 'submissions',
      value: ours.perSecond,
      unit: '/s',
      goal: '>= 1500/s',
      reached: ours.perSecond >= 1500,
      detail: how,
    },
    {
      name: 'submission, p99',
      value: p99,
      unit: 'ms',
      goal: '< 100 ms',
      reached: p99 < 100,
      detail: `p50 ${percentile(ours.waits, 0.5).toFixed(1)} ms, ${how}`,
    },
    {
      name: `durable rows against ${peer.name}`,
      value: ratio,
      unit: 'x',
      goal: '>= 1x',
      reached: ratio >= 1,
      detail: measured.map(lineOf).join('; '),
    },
  ]
}

function rowRate({ perSecond, rowsEach }: Measured): number {
  return perSecond * rowsEach
}

function lineOf(measured: Measured | undefined): string {
  if (measured === undefined) return ''
  const { name, perSecond, rowsEach, waits } = measured
  return `${name} ${Math.round(perSecond)}/s of ${rowsEach.toFixed(1)} rows, p99 ${
    percentile(waits, 0.99).toFixed(0)
  } ms`
}
