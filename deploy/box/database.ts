/** Opens the database of the box: PostgreSQL when one is named, else PGlite in the data folder. */
import type { Config } from '../../kernel/config.ts'
import type { Database } from '../../kernel/db/database.ts'
import { migrate } from '../../kernel/db/migrate.ts'
import { openPglite } from '../../kernel/db/pglite.ts'
import { openPostgres } from '../../kernel/db/postgres.ts'
import type { Log } from '../../kernel/log.ts'
import { dataPathsOf, templatePath } from './paths.ts'

/** An open, migrated database. @throws WE-SYS-002 */
export async function openDatabase(
  { databaseUrl, dataDirectory }: Config,
  log: Log,
): Promise<Database> {
  const db = databaseUrl === undefined
    ? await openPglite({
      directory: dataPathsOf(dataDirectory).database,
      template: templatePath,
      log,
    })
    : await openPostgres({ url: databaseUrl, log })
  try {
    const applied = await migrate(db)
    if (applied.length > 0) log.info('migrated the database', { migrations: applied })
    return db
  } catch (failure) {
    await db.close()
    throw failure
  }
}
