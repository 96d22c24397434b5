/** A throw-away PostgreSQL for the tests: its own directory, a free port, stopped and deleted after. */
import { execa } from 'execa'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPostgres } from './requirements.ts'

/** A running server and its superuser URL. */
export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** Starts PostgreSQL; undefined where it is not installed. PostgreSQL refuses to run as root, so root uses the user `postgres`. */
export async function startTestPostgres(): Promise<TestPostgres | undefined> {
  const programs = await findPostgres()
  if (programs === undefined) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'webencode-postgres-'))
  const run = (command: string) =>
    execa('sh', ['-c', asPostgres(command, directory)], { timeout: 60_000 })
  const port = await freePort()
  const data = join(directory, 'data')
  await run(`${programs}/initdb -D ${data} -U postgres -A trust -E UTF8 --no-sync`)
  const options = `-p ${port} -k ${directory} -c listen_addresses=127.0.0.1 -c max_connections=200`
  await run(`${programs}/pg_ctl -D ${data} -w -l ${directory}/log -o "${options}" start`)
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await run(`${programs}/pg_ctl -D ${data} -m immediate stop`)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function asPostgres(command: string, directory: string): string {
  if (process.getuid?.() !== 0) return command
  const quoted = command.replaceAll("'", `'\\''`)
  return `chown -R postgres ${directory} && su postgres -s /bin/sh -c '${quoted}'`
}

/** A TCP port of the loopback interface that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null
        ? resolve(address.port)
        : reject(new Error('no port')))
      )
    })
  })
}
