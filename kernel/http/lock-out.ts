/** Who has guessed too often waits: by account and by address, in the database, so that it holds over kernels and restarts. */
import { createHash } from 'node:crypto'
import { networkOf } from '../address.ts'
import type { Database } from '../db/database.ts'
import {
  forgetSignInFailures,
  type LockRule,
  noteSignInFailure,
  readLockSeconds,
} from '../db/sign-in-failures.ts'
import { WebEncodeError } from '../errors.ts'

/** Five wrong passwords lock an account for half a minute, each further one twice as long, up to a quarter of an hour. */
const accountRule: LockRule = { free: 5, firstSeconds: 30, mostSeconds: 900 }
/** Behind one address there may be a whole company. */
const addressRule: LockRule = { free: 30, firstSeconds: 30, mostSeconds: 900 }

/** Who tries to sign in. */
export interface Attempt {
  /** Absent for links, which have no name. */
  readonly username?: string
  /** Empty when unknown. */
  readonly clientIp: string
}

/** @throws WE-SYS-005 with the seconds to wait, while the account or the address is locked */
export async function refuseLocked(db: Database, attempt: Attempt): Promise<void> {
  const retryAfterSeconds = await readLockSeconds(db, subjectsOf(attempt).map(({ name }) => name))
  if (retryAfterSeconds === 0) return
  throw new WebEncodeError(
    'WE-SYS-005',
    `Too many wrong passwords; try again in ${retryAfterSeconds} s`,
    { retryAfterSeconds },
  )
}

/** The attempt failed. */
export async function noteFailure(db: Database, attempt: Attempt): Promise<void> {
  for (const { name, rule } of subjectsOf(attempt)) await noteSignInFailure(db, name, rule)
}

/** The attempt succeeded. The address is not forgiven: one known password would buy guesses at all others. */
export async function noteSuccess(db: Database, { username }: Attempt): Promise<void> {
  if (username !== undefined) await forgetSignInFailures(db, accountOf(username))
}

function subjectsOf({ username, clientIp }: Attempt): { name: string; rule: LockRule }[] {
  return [
    ...username === undefined ? [] : [{ name: accountOf(username), rule: accountRule }],
    ...clientIp === '' ? [] : [{ name: `address:${networkOf(clientIp)}`, rule: addressRule }],
  ]
}

/** People type their password into the wrong field: the name is kept as a hash. */
function accountOf(username: string): string {
  const name = username.normalize('NFC').toLowerCase()
  return `account:${createHash('sha256').update(name).digest('hex')}`
}
