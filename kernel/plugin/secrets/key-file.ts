/** The keys of the sealed store: the one that seals, and for the time of a rotation the one before it. */
import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { WebEncodeError } from '../../errors.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'
import { createSealingKey, type SealingKey, sealingKeyFrom } from './seal.ts'

const fileSchema = z.strictObject({
  version: z.literal(1),
  /** Base64; the first one seals, all open. */
  keys: z.array(z.string()).min(1).max(8),
})

/** The keys on disk; undefined when there is no file. @throws WE-PLG-003 when others may read it, or it holds no keys */
export async function readKeyFile(
  path: string,
): Promise<readonly [SealingKey, ...SealingKey[]] | undefined> {
  const text = await readPrivateFile(path)
  if (text === undefined) return undefined
  await mustBePrivate(path)
  const [first, ...others] = keysIn(text)
  if (first === undefined) throw damaged(path)
  return [first, ...others]

  function keysIn(json: string): SealingKey[] {
    try {
      const { keys } = fileSchema.parse(JSON.parse(json))
      return keys.map((key) => sealingKeyFrom(Buffer.from(key, 'base64')))
    } catch {
      // Neither the text nor a parser's message about it belongs into a failure: it may be half a key.
      throw damaged(path)
    }
  }
}

/** Writes the keys, the sealing one first. */
export async function writeKeyFile(path: string, keys: readonly SealingKey[]): Promise<void> {
  const texts = keys.map(({ bytes }) => Buffer.from(bytes).toString('base64'))
  await writePrivateFile(path, JSON.stringify({ version: 1, keys: texts }) + '\n')
}

/** Makes the file with a first key. */
export async function createKeyFile(path: string): Promise<readonly [SealingKey]> {
  const key = createSealingKey()
  await writeKeyFile(path, [key])
  return [key]
}

async function mustBePrivate(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o077) === 0) return
  const found = (mode & 0o777).toString(8).padStart(4, '0')
  const problem = `The key file ${path} must be readable by its owner alone (0600), found ${found}`
  throw new WebEncodeError('WE-PLG-003', problem, { next: 'pause' })
}

function damaged(path: string): WebEncodeError {
  const problem = `The key file ${path} must hold the keys that this program wrote, and does not`
  return new WebEncodeError('WE-PLG-003', problem, { next: 'pause' })
}
