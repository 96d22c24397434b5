/** Sign-in with the people of an LDAP directory: search for them, then bind as them. */
import { type Client, ResultCodeError } from 'ldapts'
import { authorizeRole } from '../../kernel/contract/access.ts'
import {
  type Authenticator,
  type AuthResponse,
  nobody,
  type Role,
  type UserProfile,
} from '../../kernel/contract/auth.ts'
import { userPageFrom } from '../../kernel/contract/user-page.ts'
import { createConnections } from './connection.ts'
import { findById, findByName, listPeople, type Person, roleOf } from './directory.ts'
import { type LdapOptions, settingsFrom } from './options.ts'

const idPrefix = 'ldap:'
/** More people are not listed. */
const mostListed = 500
const longestCredentials = 2048
/** invalidCredentials, and unwillingToPerform of locked accounts. */
const refusals: ReadonlySet<number> = new Set([49, 53])

/**
 * Asks one directory. A wrong password is an answer, a directory that does not answer is WE-AUTH-005.
 * @throws WE-PLG-003 for settings that cannot work
 */
export function createLdapAuth(options: LdapOptions): Authenticator {
  const settings = settingsFrom(options)
  const withConnection = createConnections(settings)
  const { log } = settings

  /** Asks as the one who may search. */
  const withSearch = <T>(work: (client: Client) => Promise<T>): Promise<T> =>
    withConnection(async (client) => {
      const { bindDn, bindPassword } = settings
      if (bindDn !== undefined) await client.bind(bindDn, bindPassword)
      return await work(client)
    })

  async function byPassword(credentials: string): Promise<AuthResponse> {
    const { username, password } = credentialsFrom(credentials)
    // An empty password would be an anonymous bind, which succeeds for everybody (RFC 4513, 5.1.2).
    if (username === '' || password === '') return nobody
    return await withSearch(async (client) => {
      const person = await findByName(client, settings, username)
      if (person === undefined) return nobody
      const role = await roleOf(client, settings, person)
      if (!await isPassword(client, person, password)) return nobody
      if (role === undefined) {
        log.warn('sign-in refused: no group of this person means a role', { user: person.username })
        return nobody
      }
      return responseFrom(person, role)
    })
  }

  async function getUserProfile(userId: string): Promise<UserProfile | undefined> {
    if (!userId.startsWith(idPrefix)) return undefined
    return await withSearch(async (client) => {
      const person = await findById(client, settings, userId.slice(idPrefix.length))
      const role = person && await roleOf(client, settings, person)
      return person && role && profileFrom(person, role)
    })
  }

  return {
    authenticate: ({ token, scheme }) =>
      scheme === 'basic' ? byPassword(token) : Promise.resolve(nobody),
    async authorize(request) {
      return authorizeRole((await getUserProfile(request.userId))?.role, request)
    },
    getUserProfile,
    async listUsers(wanted) {
      const users = await withSearch(async (client) => {
        const profiles: UserProfile[] = []
        for (const person of await listPeople(client, settings, mostListed)) {
          const role = await roleOf(client, settings, person)
          if (role !== undefined) profiles.push(profileFrom(person, role))
        }
        return profiles
      })
      return userPageFrom(users, wanted)
    },
    // A directory has passwords, and no tokens to renew and no sessions to end.
    refreshToken: () => Promise.resolve(nobody),
    logout: () => Promise.resolve(),
  }
}

function credentialsFrom(base64: string): { username: string; password: string } {
  const text = Buffer.from(base64, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0 || text.length > longestCredentials) return { username: '', password: '' }
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Binds as this person: the directory knows, we never see a hash. */
async function isPassword(client: Client, { dn }: Person, password: string): Promise<boolean> {
  try {
    await client.bind(dn, password)
    return true
  } catch (failure) {
    if (failure instanceof ResultCodeError && refusals.has(failure.code)) return false
    throw failure
  }
}

function responseFrom({ id, username, email }: Person, role: Role): AuthResponse {
  return { ...nobody, valid: true, userId: idPrefix + id, username, email, role }
}

/** The directory keeps no times of ours: both are 0. */
function profileFrom({ id, username, email, displayName }: Person, role: Role): UserProfile {
  const times = { createdAtUnix: 0, lastLoginUnix: 0 }
  return { userId: idPrefix + id, username, email, displayName, role, ...times }
}
