/** A throw-away PostgreSQL for the tests: its own directory, a free port, stopped and deleted after. */
import { mkdtempSync, rmSync } from 'node:fs'
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
  const directory = mkdtempSync(join(tmpdir(), 'webencode-postgres-'))
  const clear = () => rmSync(directory, { recursive: true, force: true })
  try {
    const server = await LocalPostgres.start(directory)
    if (server === undefined) {
      clear()
      return undefined
    }
    return {
      url: server.url,
      async stop() {
        await server.remove()
        clear() // root's server had its files elsewhere
      },
    }
  } catch (failure) {
    clear()
    throw failure
  }
}
