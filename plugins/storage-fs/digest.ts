/** Digests that uploads bring along (RFC 9530). */
import { WebEncodeError } from '../../kernel/errors.ts'

/**
 * The SHA-256 of a `Repr-Digest` header in lower-case hex; undefined when the header names none. Other algorithms are ignored.
 * @throws WE-STO-004 when it names one that cannot be read
 */
export function parseReprDigest(header: string | null, action: string): string | undefined {
  const named = (header ?? '').split(',').map((member) => member.trim())
    .find((member) => member.startsWith('sha-256='))
  if (named === undefined) return undefined
  const [, base64 = ''] = /^sha-256=:([A-Za-z0-9+/]+=*):$/.exec(named) ?? []
  const digest = Buffer.from(base64, 'base64')
  if (digest.length === 32) return digest.toString('hex')
  throw new WebEncodeError(
    'WE-STO-004',
    `Cannot ${action}: its Repr-Digest must be "sha-256=:<32 bytes in base64>:"`,
    { next: 'stop' },
  )
}

/** The `Repr-Digest` header of bytes that have this SHA-256. @param sha256 - lower-case hex */
export function reprDigestOf(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
}

/** @throws WE-STO-004 when a digest was given and the bytes have another */
export function refuseWrongDigest(given: string | undefined, found: string, action: string): void {
  if (given === undefined || given === found) return
  throw new WebEncodeError('WE-STO-004', `Cannot ${action}: the bytes do not have their SHA-256`)
}
