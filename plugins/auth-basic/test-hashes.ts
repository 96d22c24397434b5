/** Hashes of htpasswd files for tests: weak, so that they are quick. */
import { argon2id, bcrypt } from 'hash-wasm'

const salt = new Uint8Array(16).fill(7)

/** A bcrypt hash, `$2a$`. */
export function bcryptOf(password: string): Promise<string> {
  return bcrypt({ password, salt, costFactor: 4 })
}

/** An encoded argon2id hash. */
export function argon2Of(password: string): Promise<string> {
  return argon2id({
    password,
    salt,
    parallelism: 1,
    iterations: 2,
    memorySize: 64,
    hashLength: 32,
    outputType: 'encoded',
  })
}
