/** Encryption under a secret that only a browser keeps: whoever reads the database reads nothing of it. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const ivLength = 12
const tagLength = 16

/** Encrypts `text`. @param secret - a random value, such as that of a cookie @param purpose - what opens one opens no other */
export function seal(secret: string, purpose: string, text: string): string {
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv(algorithm, keyFrom(secret, purpose), iv, {
    authTagLength: tagLength,
  })
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

/** Decrypts what `seal` made; undefined with another secret or purpose, or when it was changed. */
export function unseal(secret: string, purpose: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < ivLength + tagLength) return undefined
  const decipher = createDecipheriv(
    algorithm,
    keyFrom(secret, purpose),
    bytes.subarray(0, ivLength),
    { authTagLength: tagLength },
  )
  decipher.setAuthTag(bytes.subarray(ivLength, ivLength + tagLength))
  try {
    const text = decipher.update(bytes.subarray(ivLength + tagLength))
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    return undefined // the tag does not fit: that is the answer
  }
}

function keyFrom(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, 'webencode', purpose, 32))
}
