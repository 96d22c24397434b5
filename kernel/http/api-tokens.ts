/** API tokens: how they are made, and what they may do at most. */
import { createHash, randomBytes } from 'node:crypto'
import { roleCovers } from '../contract/access.ts'
import type { ApiTokenWish, NewApiToken } from '../contract/token.ts'
import { deleteApiToken, insertApiToken, mostTokens } from '../db/api-tokens.ts'
import { WebEncodeError } from '../errors.ts'
import type { Caller } from '../gateway.ts'
import type { HttpDeps } from './deps.ts'

/** Tells our tokens from those of identity providers, and secret scanners what they found. */
export const apiTokenPrefix = 'wat_'

/** Makes a token, which is shown this once. @throws WE-AUTH-003 for more than the caller's role, or too many tokens */
export async function createApiToken(
  { db, log }: Pick<HttpDeps, 'db' | 'log'>,
  { userId, username, role: ownRole, correlationId }: Caller,
  { name, role = ownRole, expires_in_seconds: seconds = 0 }: ApiTokenWish,
): Promise<NewApiToken> {
  if (!roleCovers(ownRole, role)) {
    throw new WebEncodeError(
      'WE-AUTH-003',
      `Cannot make a token with the role ${role}: yours is ${ownRole}`,
      { path: 'role' },
    )
  }
  const token = apiTokenPrefix + randomBytes(32).toString('base64url')
  const tokenHash = hashOfToken(token)
  const id = `at-${randomBytes(6).toString('hex')}`
  const facts = { id, tokenHash, userId, username, name, role, seconds }
  const view = await insertApiToken(db, facts)
  if (view === undefined) {
    throw new WebEncodeError(
      'WE-AUTH-003',
      `Cannot make a token: one user has at most ${mostTokens}; take one back first`,
    )
  }
  log.info('API token made', {
    id: view.id,
    user_id: userId,
    role,
    correlation_id: correlationId,
  })
  return { ...view, token }
}

/** Takes one of the caller's tokens back. @throws WE-AUTH-006 */
export async function removeApiToken(
  { db, log }: Pick<HttpDeps, 'db' | 'log'>,
  { userId, correlationId }: Caller,
  id: string,
): Promise<void> {
  if (!await deleteApiToken(db, userId, id)) {
    throw new WebEncodeError('WE-AUTH-006', `You have no API token "${id}"`)
  }
  log.info('API token taken back', { id, user_id: userId, correlation_id: correlationId })
}

/** 256 random bits are too many to guess, so that a fast hash may keep them. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
