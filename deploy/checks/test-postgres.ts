/** A throw-away PostgreSQL for the tests: its own directory, a free port, stopped and deleted after. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endLater } from '../cluster/endings.ts'
import { LocalPostgres } from '../cluster/postgres.ts'

/** A running server and its superuser URL. */
export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** Starts PostgreSQL; undefined where it is not installed. */
export async function startTestPostgres(): Promise<TestPostgres | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-postgres-'))
  const starting = LocalPostgres.start(directory)
  const stop = endLater(async () => {
    const server = await starting.catch(() => undefined) // whoever starts it hears of the failure
    await server?.stop()
    LocalPostgres.clear(directory)
  })
  try {
    const server = await starting
    if (server !== undefined) return { url: server.url, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
  await stop()
  return undefined
}
