/** One value, sealed: AES-256-GCM, bound to its name. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'

const algorithm = 'aes-256-gcm'
const tagBytes = 16
/** 96 bits, as GCM wants them; random, and fresh for every seal. */
const nonceBytes = 12

/** A key and its public name. */
export interface SealingKey {
  /** The first 16 hex digits of the SHA-256 of the key: tells keys apart and gives nothing away. */
  readonly id: string
  readonly bytes: Uint8Array
}

export const sealedValueSchema = z.strictObject({
  keyId: z.string(),
  /** Base64. */
  nonce: z.string(),
  /** Ciphertext and tag, base64. */
  sealed: z.string(),
  updatedAt: z.string(),
})
/** A value as it lies on disk. */
export type SealedValue = z.infer<typeof sealedValueSchema>

/** Bytes of a key. */
export const keyBytes = 32

/** A new random key. */
export function createSealingKey(): SealingKey {
  return sealingKeyFrom(randomBytes(keyBytes))
}

/** @throws RangeError when it has the wrong length */
export function sealingKeyFrom(bytes: Uint8Array): SealingKey {
  if (bytes.length !== keyBytes) {
    throw new RangeError(`A sealing key must have ${keyBytes} bytes; it has ${bytes.length}`)
  }
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes }
}

/** Seals a value under a fresh nonce. */
export function seal(key: SealingKey, name: string, value: string, updatedAt: string): SealedValue {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key.bytes, nonce, { authTagLength: tagBytes })
  cipher.setAAD(contextOf(key, name))
  const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    keyId: key.id,
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
    updatedAt,
  }
}

/** The value; undefined when key, name or bytes are not those it was sealed with. */
export function unseal(key: SealingKey, name: string, value: SealedValue): string | undefined {
  const bytes = Buffer.from(value.sealed, 'base64')
  const nonce = Buffer.from(value.nonce, 'base64')
  if (bytes.length < tagBytes || nonce.length !== nonceBytes) return undefined
  const decipher = createDecipheriv(algorithm, key.bytes, nonce, { authTagLength: tagBytes })
  decipher.setAAD(contextOf(key, name))
  decipher.setAuthTag(bytes.subarray(-tagBytes))
  const opened = decipher.update(bytes.subarray(0, -tagBytes))
  try {
    return Buffer.concat([opened, decipher.final()]).toString('utf8')
  } catch {
    // The tag does not fit: the caller says which secret it was. The library's message says nothing more.
    return undefined
  }
}

/** A value that is moved to another name, or said to be of another key, does not open. */
function contextOf({ id }: SealingKey, name: string): Buffer {
  return Buffer.from(`webencode secret\n${id}\n${name}`)
}
