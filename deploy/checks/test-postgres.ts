/** A throw-away PostgreSQL for the tests: its own directory, a free port, stopped and deleted after. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalPostgres } from '../cluster/postgres.ts'

/** A running server and its superuser URL. */
export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** Starts PostgreSQL; undefined where it is not installed. */
export async function startTestPostgres(): Promise<TestPostgres | undefined> {
  const server = await LocalPostgres.start(mkdtempSync(join(tmpdir(), 'webencode-postgres-')))
  return server && { url: server.url, stop: () => server.remove() }
}
