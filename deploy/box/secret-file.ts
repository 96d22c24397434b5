/** A random key in a file that only its owner reads. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

const keyBytes = 32

/** Reads the key, or makes it on the first start. Of two first starts at once, one key wins for both. */
export async function readOrCreateKey(path: string): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    await writeFile(path, randomBytes(keyBytes), { mode: 0o600, flag: 'wx' })
  } catch (failure) {
    if (!(failure instanceof Error && 'code' in failure && failure.code === 'EEXIST')) throw failure
  }
  const key = await readFile(path)
  if (key.length !== keyBytes) {
    throw new RangeError(`The key in ${path} must have ${keyBytes} bytes; it has ${key.length}`)
  }
  return key
}
