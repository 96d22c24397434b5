/** PostgreSQL of the cluster benchmark: a server of its own, with a database for each section. */
import { openPostgres } from '../../../kernel/db/postgres.ts'
import { silentLog } from '../../../kernel/log.ts'
import { startTestPostgres } from '../../checks/test-postgres.ts'

/** Runs `work` with the URL of an empty database. @throws where PostgreSQL is not installed */
export async function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  const server = await startTestPostgres()
  if (server === undefined) throw new Error('the cluster benchmark needs PostgreSQL: install it')
  try {
    return await work(server.url)
  } finally {
    await server.stop()
  }
}

/** Makes another empty database on the same server. @returns its URL */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const server = await openPostgres({ url: serverUrl, maxConnections: 1, log: silentLog })
  try {
    await server.execute(`CREATE DATABASE ${name}`)
  } finally {
    await server.close()
  }
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}
