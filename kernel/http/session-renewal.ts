/** Sessions that began at an identity provider: every five minutes it is asked whether they go on, and with which role. */
import { z } from 'zod'
import type { RedirectedUser } from '../contract/auth.ts'
import { rememberUser } from '../db/known-users.ts'
import { claimSessionCheck, deleteSession, renewSession, type Session } from '../db/sessions.ts'
import { WebEncodeError } from '../errors.ts'
import type { HttpDeps } from './deps.ts'
import { seal, unseal } from './seal.ts'

const checkSeconds = 5 * 60
/** While the provider does not answer, its last word holds this long. */
const graceMs = 60 * 60_000
const purpose = 'session tokens'

const tokensSchema = z.strictObject({
  refreshToken: z.string().optional(),
  idToken: z.string().optional(),
})
type Tokens = z.infer<typeof tokensSchema>

/** The provider's tokens, encrypted under the cookie's value; null without any. */
export function sealTokens(
  cookie: string,
  { refreshToken, idToken }: Pick<RedirectedUser, 'refreshToken' | 'idToken'>,
): string | null {
  if (refreshToken === undefined && idToken === undefined) return null
  return seal(cookie, purpose, JSON.stringify({ refreshToken, idToken }))
}

/** What `sealTokens` sealed. */
export function openTokens(cookie: string, sealed: string | null): Tokens {
  const text = sealed === null ? undefined : unseal(cookie, purpose, sealed)
  return text === undefined ? {} : tokensSchema.parse(JSON.parse(text))
}

/** Asks the provider when it is time to. @returns the session as it is now; undefined when it has ended there @throws WE-AUTH-005 after an hour without an answer */
export async function keepRenewed(
  deps: Pick<HttpDeps, 'db' | 'auth' | 'clock' | 'log'>,
  cookie: string,
  session: Session,
): Promise<Session | undefined> {
  if (session.sealed === null) return session
  const { refreshToken, idToken } = openTokens(cookie, session.sealed)
  if (refreshToken === undefined) return session
  if (!await claimSessionCheck(deps.db, session.idHash, checkSeconds)) return session
  try {
    return await renew(deps, cookie, session, { refreshToken, ...(idToken && { idToken }) })
  } catch (failure) {
    const isSilent = failure instanceof WebEncodeError && failure.code === 'WE-AUTH-005'
    const isLong = deps.clock.now() - session.renewedAt.getTime() > graceMs
    if (!isSilent || isLong) throw failure
    deps.log.warn('the identity provider does not answer; its last word holds', { error: failure })
    return session
  }
}

async function renew(
  { db, auth, log }: Pick<HttpDeps, 'db' | 'auth' | 'log'>,
  cookie: string,
  session: Session,
  { refreshToken, idToken }: Tokens & { readonly refreshToken: string },
): Promise<Session | undefined> {
  const { idHash, userId } = session
  const answer = await auth.refreshToken({ refreshToken })
  if (!answer.valid || answer.userId !== userId) {
    await deleteSession(db, idHash)
    log.info('a session ended with that of the identity provider', { user_id: userId })
    return undefined
  }
  const tokens = {
    refreshToken: answer.refreshToken ?? refreshToken,
    ...(idToken !== undefined && { idToken }),
  }
  await rememberUser(db, answer)
  const renewed = { ...session, role: answer.role, sealed: sealTokens(cookie, tokens) }
  await renewSession(db, renewed)
  return renewed
}
