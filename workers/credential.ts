/** Keeps a worker's credential over its restarts: in a file that only its owner reads. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Where a worker keeps what it got for its join token. */
export interface CredentialStore {
  /** The credential; undefined when there is none. */
  read(): Promise<string | undefined>
  write(credential: string): Promise<void>
  remove(): Promise<void>
}

/** A store in the file at `path`, which appears whole or not at all. */
export function createCredentialFile(path: string): CredentialStore {
  return {
    async read() {
      try {
        const text = (await readFile(path, 'utf8')).trim()
        return text === '' ? undefined : text
      } catch (failure) {
        if (failure instanceof Error && 'code' in failure && failure.code === 'ENOENT') {
          return undefined
        }
        throw failure
      }
    },
    async write(credential) {
      const draft = `${path}.new`
      await mkdir(dirname(path), { recursive: true })
      await rm(draft, { force: true })
      await writeFile(draft, `${credential}\n`, { mode: 0o600, flag: 'wx' })
      await rename(draft, path)
    },
    remove: () => rm(path, { force: true }),
  }
}
