/** Password hashes: scrypt with its parameters in the text, so that they can grow later. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** OWASP's recommendation for scrypt: 32 MiB of memory, some 300 ms. */
const cost = { N: 2 ** 15, r: 8, p: 3 }
const keyLength = 32

/** The text to store for a password: `scrypt$N$r$p$salt$key`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost)
  const parts = [
    'scrypt',
    cost.N,
    cost.r,
    cost.p,
    salt.toString('base64url'),
    key.toString('base64url'),
  ]
  return parts.join('$')
}

/**
 * Compares in constant time. Without a stored hash it takes as long and answers false, so that nobody learns which
 * users exist.
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, N, r, p, salt, key] = (stored ?? absent).split('$')
  const expected = Buffer.from(key ?? '', 'base64url')
  const options = { N: Number(N), r: Number(r), p: Number(p) }
  const given = await derive(password, Buffer.from(salt ?? '', 'base64url'), options)
  return given.length === expected.length && timingSafeEqual(given, expected) &&
    stored !== undefined
}

const absent = ['scrypt', cost.N, cost.r, cost.p, 'AAAA', 'A'.repeat(43)].join('$')

function derive(password: string, salt: Buffer, options: typeof cost): Promise<Buffer> {
  const maxmem = 256 * options.N * options.r
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, keyLength, { ...options, maxmem }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
