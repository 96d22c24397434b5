/** The header by which whoever sends a file says its SHA-256: `Repr-Digest` (RFC 9530). */

/** What a header says: a hash in lower-case hex, nothing about SHA-256, or something that cannot be read. */
export type ReprDigest =
  | { readonly sha256: string | undefined }
  | { readonly fault: string }

/** Reads the header. Other algorithms are ignored. */
export function parseReprDigest(header: string | null | undefined): ReprDigest {
  const named = (header ?? '').split(',').map((member) => member.trim())
    .find((member) => member.startsWith('sha-256='))
  if (named === undefined) return { sha256: undefined }
  const [, base64 = ''] = /^sha-256=:([A-Za-z0-9+/]+=*):$/.exec(named) ?? []
  const digest = Buffer.from(base64, 'base64')
  if (digest.length === 32) return { sha256: digest.toString('hex') }
  return { fault: 'its Repr-Digest must be "sha-256=:<32 bytes in base64>:"' }
}

/** The header of bytes that have this SHA-256. @param sha256 - lower-case hex */
export function reprDigestOf(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
}
