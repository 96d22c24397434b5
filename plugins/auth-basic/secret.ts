/** Secrets that we make: tokens and codes, and how they are kept and compared. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits after `prefix`: too many to guess, so that a fast hash may keep them. */
export function createSecret(prefix: string): string {
  return prefix + randomBytes(32).toString('base64url')
}

/** SHA-256 in hex. Looking a token up by its hash tells a guesser nothing: the hash of a near miss is nowhere near. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares in constant time. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(a)), Buffer.from(hashOf(b)))
}
