/** What is refused because of the digest that came with it. */
import { parseReprDigest } from '../../kernel/contract/repr-digest.ts'
import { WebEncodeError } from '../../kernel/errors.ts'

/** The SHA-256 of a `Repr-Digest` header in lower-case hex; undefined when it names none. @throws WE-STO-006 when it cannot be read */
export function givenDigest(header: string | null, action: string): string | undefined {
  const digest = parseReprDigest(header)
  if ('sha256' in digest) return digest.sha256
  throw new WebEncodeError('WE-STO-006', `Cannot ${action}: ${digest.fault}`)
}

/** @throws WE-STO-006 when a digest was given and the bytes have another */
export function refuseWrongDigest(given: string | undefined, found: string, action: string): void {
  if (given === undefined || given === found) return
  throw new WebEncodeError(
    'WE-STO-006',
    `Cannot ${action}: its bytes must have the SHA-256 ${given}, found ${found}`,
  )
}
