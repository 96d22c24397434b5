/** A program for tests: writes rows into the database of a directory for ever, and prints each one once it is committed. */
import process from 'node:process'
import { silentLog } from '../log.ts'
import { sql } from './database.ts'
import { openPglite } from './pglite.ts'

const [directory = '', template = ''] = process.argv.slice(2)
const db = await openPglite({
  directory,
  template,
  log: silentLog,
  maintenance: { everyTransactions: 25 },
})
await db.execute(
  'CREATE TABLE IF NOT EXISTS acknowledged (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)',
)
for (;;) {
  const [row] = await db.transaction((tx) =>
    tx.query<{ id: number }>(
      sql`INSERT INTO acknowledged (body) VALUES (repeat('x', 3000)) RETURNING id`,
    )
  )
  process.stdout.write(`${row?.id}\n`)
}
