/** Several ways to sign in as one: each is asked, in order, for what it can answer. */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { authorizeRole } from '../contract/access.ts'
import {
  type Authenticator,
  type AuthRequest,
  type AuthResponse,
  nobody,
  type UserProfile,
} from '../contract/auth.ts'
import type { Database } from '../db/database.ts'
import { readKnownUser, rememberCaller } from '../db/known-users.ts'
import { WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'
import { createAnswerCache } from './answer-cache.ts'

/** One way to sign in. */
export interface SignInProvider {
  /** For the log, e.g. `ldap`. */
  readonly name: string
  readonly auth: Authenticator
  /** What the ids of its users start with, e.g. `ldap:`; empty for those of no other. */
  readonly idPrefix: string
  /** Can be asked who its users are now; who comes from others is known as they were when they came last. */
  readonly knowsUsers: boolean
  /** Its answers to tokens, and about users, hold for five minutes. */
  readonly isCached: boolean
}

export interface AuthenticatorsOptions {
  /** In the order in which they are asked. */
  readonly providers: readonly SignInProvider[]
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
}

const freshMs = 5 * 60_000
/** What a provider said last is believed this long while it does not answer. */
const staleMs = 60 * 60_000
const mostAnswers = 10_000
/** What a cached profile said, and until when it is fresh. */
interface KnownProfile {
  readonly profile: UserProfile | undefined
  readonly freshUntilMs: number
}

/**
 * One authenticator of several. A provider that cannot be asked fails the question only when no other knows the answer.
 * Who has ended is not the business of the cache: sessions, tokens and revocations are asked of the database every time.
 */
export function createAuthenticators(options: AuthenticatorsOptions): Authenticator {
  const { providers, db, clock, log } = options
  const answers = createAnswerCache<AuthResponse>(clock, mostAnswers)

  async function ask(provider: SignInProvider, request: AuthRequest): Promise<AuthResponse> {
    const isKept = provider.isCached &&
      (request.scheme === 'bearer' || request.scheme === 'upstream')
    if (!isKept) return await provider.auth.authenticate(request)
    const key = keyOf(provider, request)
    const known = answers.get(key)
    if (known !== undefined) return known
    const answer = await provider.auth.authenticate(request)
    if (!answer.valid) return answer
    if (!provider.knowsUsers) await rememberCaller(db, answer)
    answers.set(key, answer, Math.min(freshMs, lifeMsOf(answer, clock)))
    return answer
  }

  /** The first that is valid; else what says most about why not. */
  async function firstOf(
    question: (provider: SignInProvider) => Promise<AuthResponse>,
  ): Promise<AuthResponse> {
    let refusal = nobody
    let failure: unknown
    for (const provider of providers) {
      try {
        const answer = await question(provider)
        if (answer.valid) return answer
        if (answer.expiresAtUnix > 0) refusal = answer
      } catch (cause) {
        if (!isUnavailable(cause)) throw cause
        log.warn('a way to sign in does not answer', { provider: provider.name, error: cause })
        failure = cause
      }
    }
    if (failure !== undefined) throw failure
    return refusal
  }

  const getUserProfile = createProfileReader(options)

  return {
    authenticate: (request) => firstOf((provider) => ask(provider, request)),
    getUserProfile,
    async authorize(request) {
      return authorizeRole((await getUserProfile(request.userId))?.role, request)
    },
    listUsers: (wanted) => listEverybody(options, wanted),
    refreshToken: (request) => firstOf(({ auth }) => auth.refreshToken(request)),
    async logout(request) {
      for (const { auth } of providers) await auth.logout(request)
    },
  }
}

/** Reads who a user is now. */
function createProfileReader(
  { providers, db, clock, log }: AuthenticatorsOptions,
): Authenticator['getUserProfile'] {
  const profiles = createAnswerCache<KnownProfile>(clock, mostAnswers)
  return async (userId) => {
    const provider = providerOf(providers, userId)
    if (provider === undefined) return undefined
    if (!provider.knowsUsers) return await lastKnownProfile(db, userId)
    if (!provider.isCached) return await provider.auth.getUserProfile(userId)
    const known = profiles.get(userId)
    if (known !== undefined && known.freshUntilMs > clock.now()) return known.profile
    try {
      const profile = await provider.auth.getUserProfile(userId)
      profiles.set(userId, { profile, freshUntilMs: clock.now() + freshMs }, staleMs)
      return profile
    } catch (failure) {
      if (known === undefined || !isUnavailable(failure)) throw failure
      log.warn('a way to sign in does not answer; what it said last holds', {
        provider: provider.name,
        error: failure,
      })
      return known.profile
    }
  }
}

/** The users of all who can be asked; whoever does not answer is left out. */
async function listEverybody(
  { providers, log }: AuthenticatorsOptions,
  { page, pageSize, ...filter }: Parameters<Authenticator['listUsers']>[0],
): ReturnType<Authenticator['listUsers']> {
  const list = async ({ name, auth }: SignInProvider) => {
    try {
      return await auth.listUsers({ page: 1, pageSize: page * pageSize, ...filter })
    } catch (error) {
      if (!isUnavailable(error)) throw error
      log.warn('a way to sign in does not list its users', { provider: name, error })
      return { users: [], totalCount: 0 }
    }
  }
  const lists = await Promise.all(providers.filter(({ knowsUsers }) => knowsUsers).map(list))
  const users = lists.flatMap((one) => one.users)
    .sort((a, b) => a.username.localeCompare(b.username))
  const totalCount = lists.reduce((sum, one) => sum + one.totalCount, 0)
  return { users: users.slice((page - 1) * pageSize, page * pageSize), totalCount }
}

/** The provider whose prefix fits best. */
function providerOf(
  providers: readonly SignInProvider[],
  userId: string,
): SignInProvider | undefined {
  return providers
    .filter(({ idPrefix }) => userId.startsWith(idPrefix))
    .reduce<SignInProvider | undefined>(
      (best, one) => best === undefined || one.idPrefix.length > best.idPrefix.length ? one : best,
      undefined,
    )
}

async function lastKnownProfile(db: Database, userId: string): Promise<UserProfile | undefined> {
  const user = await readKnownUser(db, userId)
  if (user === undefined) return undefined
  const { username, email, role, firstSeenAt, lastLoginAt } = user
  return {
    userId,
    username,
    email,
    displayName: username,
    role,
    createdAtUnix: Math.floor(firstSeenAt.getTime() / 1000),
    lastLoginUnix: Math.floor(lastLoginAt.getTime() / 1000),
  }
}

/** The token itself is not kept in memory, only its hash. */
function keyOf({ name }: SignInProvider, { scheme, token, clientIp }: AuthRequest): string {
  const address = scheme === 'upstream' ? clientIp : ''
  return createHash('sha256').update([name, scheme, address, token].join('\n')).digest('base64')
}

function lifeMsOf({ expiresAtUnix }: AuthResponse, clock: Clock): number {
  return expiresAtUnix === 0 ? freshMs : expiresAtUnix * 1000 - clock.now()
}

function isUnavailable(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.code === 'WE-AUTH-005'
}
