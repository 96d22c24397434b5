/** The key of the signed URLs: a secret of the kernel, or one that is kept beside the buckets. */
import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { PluginContext } from '../../kernel/plugin/sdk.ts'
import { systemCode } from './failure.ts'
import type { Settings } from './settings.ts'

/** Beside the buckets, not in one: it cannot be read as an object. */
const fileName = '.signing-key'
const keyBytes = 32

/** @throws WE-PLG-003 when the secret is too short to be one */
export async function readSigningKey(
  { root, signingKeyRef }: Settings,
  secrets: PluginContext['secrets'],
): Promise<Uint8Array> {
  if (signingKeyRef === undefined) return await readOrCreateKey(root)
  const secret = await secrets.resolve(signingKeyRef)
  if (secret.length >= keyBytes) return createHash('sha256').update(secret).digest()
  throw new WebEncodeError(
    'WE-PLG-003',
    `The signing key must have at least ${keyBytes} characters, found ${secret.length}`,
    { path: 'signing_key_ref' },
  )
}

async function readOrCreateKey(root: string): Promise<Uint8Array> {
  const path = join(root, fileName)
  await mkdir(root, { recursive: true })
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    return await readFile(path)
  } catch (failure) {
    if (systemCode(failure) !== 'ENOENT') throw failure
  }
  // Two instances of one directory may start at the same time: the first link wins.
  await writeFile(fresh, randomBytes(keyBytes), { mode: 0o600 })
  try {
    await link(fresh, path)
  } catch (failure) {
    if (systemCode(failure) !== 'EEXIST') throw failure
  } finally {
    await rm(fresh, { force: true })
  }
  return await readFile(path)
}
