/** Users of an htpasswd file: names and hashes that another program keeps, read again when the file changes. */
import { readFile, stat } from 'node:fs/promises'
import { argon2Verify, bcryptVerify } from 'hash-wasm'
import { authorizeRole } from '../../kernel/contract/access.ts'
import {
  type Authenticator,
  type AuthResponse,
  nobody,
  type Role,
  type UserProfile,
} from '../../kernel/contract/auth.ts'
import { userPageFrom } from '../../kernel/contract/user-page.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

export interface HtpasswdOptions {
  /** Lines of `name:hash`, with bcrypt (`htpasswd -B`) or argon2id hashes. */
  readonly file: string
  /** Roles by user name. */
  readonly roles: Readonly<Record<string, Role>>
  /** Of users without one in `roles`; absent: they are refused. */
  readonly defaultRole?: Role
  readonly log: Log
}

const idPrefix = 'htpasswd:'
const largestFile = 10 << 20
const longestCredentials = 2048
/** Bcrypt knows no more of a password. */
const mostBcryptBytes = 72
/** The hash of a password that nobody has, so that an unknown name takes as long as a known one. */
const absent = '$2b$10$.OC/.OC/.OC/.OC/.OC/.O0KeNDqGMA3gJuJ7Y7WyT.LqCRQI/e.q'

/** Hashes by user name. */
type Hashes = ReadonlyMap<string, string>

/** Signs the users of a file in. Calls fail with WE-AUTH-005 while the file cannot be read. */
export function createHtpasswdAuth(options: HtpasswdOptions): Authenticator {
  const { roles, defaultRole } = options
  const read = createReader(options)
  const roleOf = (username: string) =>
    Object.hasOwn(roles, username) ? roles[username] : defaultRole

  async function getUserProfile(userId: string): Promise<UserProfile | undefined> {
    const username = userId.slice(idPrefix.length)
    const role = roleOf(username)
    if (!userId.startsWith(idPrefix) || role === undefined) return undefined
    return (await read()).has(username) ? profileFrom(username, role) : undefined
  }

  async function byPassword(credentials: string): Promise<AuthResponse> {
    const text = Buffer.from(credentials, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    if (colon < 0 || text.length > longestCredentials) return nobody
    const username = text.slice(0, colon)
    const hash = (await read()).get(username)
    const isRight = await isPassword(text.slice(colon + 1), hash ?? absent)
    const role = roleOf(username)
    if (!isRight || hash === undefined || role === undefined) return nobody
    return { ...nobody, valid: true, userId: idPrefix + username, username, role }
  }

  return {
    authenticate: ({ token, scheme }) =>
      scheme === 'basic' ? byPassword(token) : Promise.resolve(nobody),
    async authorize(request) {
      return authorizeRole((await getUserProfile(request.userId))?.role, request)
    },
    getUserProfile,
    async listUsers(wanted) {
      const names = [...(await read()).keys()].sort()
      const users = names.flatMap((name) => {
        const role = roleOf(name)
        return role === undefined ? [] : [profileFrom(name, role)]
      })
      return userPageFrom(users, wanted)
    },
    // A file has passwords, and no tokens to renew and no sessions to end.
    refreshToken: () => Promise.resolve(nobody),
    logout: () => Promise.resolve(),
  }
}

/** Reads the file when it changed. */
function createReader({ file, log }: HtpasswdOptions): () => Promise<Hashes> {
  let known: { readonly stamp: string; readonly hashes: Hashes } | undefined
  return async () => {
    try {
      const { mtimeNs, size, ino } = await stat(file, { bigint: true })
      const stamp = `${mtimeNs}.${size}.${ino}`
      if (known?.stamp === stamp) return known.hashes
      if (size > largestFile) throw new Error(`it is larger than ${largestFile} bytes`)
      const hashes = parseHtpasswd(await readFile(file, 'utf8'), (line) => {
        log.warn('a line of the htpasswd file is not understood: only bcrypt and argon2id are', {
          line,
        })
      })
      known = { stamp, hashes }
      return hashes
    } catch (cause) {
      throw new WebEncodeError(
        'WE-AUTH-005',
        `Cannot read the htpasswd file ${file}: ${messageOf(cause)}`,
        { cause },
      )
    }
  }
}

/** Hashes by name. @param onStrange - called with the number of each line that has no hash that may be used */
function parseHtpasswd(text: string, onStrange: (line: number) => void): Hashes {
  const hashes = new Map<string, string>()
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return
    const [name = '', hash = ''] = line.split(':')
    if (name !== '' && isKnown(hash)) hashes.set(name, hash)
    else onStrange(i + 1)
  })
  return hashes
}

function isKnown(hash: string): boolean {
  return isBcrypt(hash) || isArgon2(hash)
}

/** Costs above 16 take longer than a sign-in may. */
function isBcrypt(hash: string): boolean {
  return /^\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/.test(hash)
}

/** At most 1 GiB and 20 rounds: the file is trusted, a slip of the pen is not. */
function isArgon2(hash: string): boolean {
  const [, memory, rounds, lanes] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d{1,2})\$[+/A-Za-z0-9]+\$[+/A-Za-z0-9]+$/.exec(hash) ??
      []
  return Number(memory) <= 1 << 20 && Number(memory) >= 8 * Number(lanes) && Number(rounds) <= 20
}

async function isPassword(password: string, hash: string): Promise<boolean> {
  if (password === '') return false
  if (isArgon2(hash)) return await argon2Verify({ password, hash })
  if (Buffer.byteLength(password) > mostBcryptBytes) return false
  return await bcryptVerify({ password, hash })
}

/** The file keeps no times: both are 0. */
function profileFrom(username: string, role: Role): UserProfile {
  const times = { createdAtUnix: 0, lastLoginUnix: 0 }
  return {
    userId: idPrefix + username,
    username,
    email: '',
    displayName: username,
    role,
    ...times,
  }
}
