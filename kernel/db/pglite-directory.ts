/** The first start of an embedded database: its data directory appears whole or not at all. */
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.ts'
import { databaseFailure } from './failure.ts'
import { connectPglite } from './pglite-connection.ts'
import { untar } from './untar.ts'

/**
 * The data directory below `directory`, made from the template, or by initdb, when it is not there.
 * The caller holds the directory's lock.
 */
export async function prepareDataDirectory(
  directory: string,
  template: string | null,
  log: Log,
): Promise<string> {
  const data = join(directory, 'pgdata')
  const unfinished = join(directory, 'pgdata.new')
  await rm(unfinished, { recursive: true, force: true })
  if (await exists(join(data, 'PG_VERSION'))) return data
  log.info('Creating the embedded database', {
    directory,
    from: template === null ? 'initdb' : 'template',
  })
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  if (template === null) await initialise(unfinished)
  else {
    await untar(template, unfinished).catch((cause: unknown) => {
      throw databaseFailure('start from the template', cause)
    })
  }
  await rename(unfinished, data)
  return data
}

/** In a thread of its own: the memory that initdb takes goes back to the system with the thread. */
async function initialise(directory: string): Promise<void> {
  const connection = await connectPglite({ dataDirectory: directory, template: null })
  await connection.script('CHECKPOINT')
  await connection.close()
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    // Not there, or not ours to read; in both cases opening it says more than a guess here could.
    return false
  }
}
