/** Who credentials belong to. */
import { type AuthRequest, type AuthResponse, nobody } from '../../kernel/contract/auth.ts'
import { isPassword } from './password.ts'
import { hashOf, isSameSecret } from './secret.ts'
import type { User, UserFile } from './user-file.ts'
import { isAdmin, isNamed, responseFrom } from './users.ts'

/** Answers who credentials belong to. */
export type SignIn = (request: AuthRequest) => Promise<AuthResponse>

/** @param adminToken - a bearer token that acts as the first administrator */
export function createSignIn(
  file: UserFile,
  nowUnix: () => number,
  adminToken: string | undefined,
): SignIn {
  async function byToken(token: string): Promise<AuthResponse> {
    const { users } = await file.read()
    if (adminToken !== undefined && isSameSecret(token, adminToken)) {
      return responseFrom(users.find(isAdmin))
    }
    const hash = hashOf(token)
    for (const user of users) {
      const found = user.tokens.find((candidate) => candidate.hash === hash)
      if (found !== undefined) return responseUntil(user, found.expiresAtUnix)
    }
    return nobody
  }

  function responseUntil(user: User, expiresAtUnix: number): AuthResponse {
    const isExpired = expiresAtUnix > 0 && expiresAtUnix <= nowUnix()
    return isExpired ? { ...nobody, expiresAtUnix } : { ...responseFrom(user), expiresAtUnix }
  }

  async function byPassword(credentials: string): Promise<AuthResponse> {
    const text = Buffer.from(credentials, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    if (colon < 0 || text.length > 2048) return nobody
    const { users } = await file.read()
    const user = users.find((candidate) => isNamed(candidate, text.slice(0, colon)))
    if (!await isPassword(text.slice(colon + 1), user?.password) || user === undefined) {
      return nobody
    }
    return await signedIn(user.id)
  }

  /** The code goes in the same change that finds it, so that two requests cannot both use it. */
  async function byCode(code: string): Promise<AuthResponse> {
    const hash = hashOf(code)
    const { codes } = await file.read()
    if (!codes.some((candidate) => candidate.hash === hash)) return nobody
    const userId = await file.change((data) => {
      const found = data.codes.find((candidate) => candidate.hash === hash)
      data.codes = data.codes.filter((candidate) => candidate !== found && isFresh(candidate))
      return found !== undefined && isFresh(found) ? found.userId : undefined
    })
    return userId === undefined ? nobody : await signedIn(userId)
  }

  function isFresh({ expiresAtUnix }: { expiresAtUnix: number }): boolean {
    return expiresAtUnix > nowUnix()
  }

  function signedIn(userId: string): Promise<AuthResponse> {
    return file.change(({ users }) => {
      const user = users.find(({ id }) => id === userId)
      if (user !== undefined) user.lastLoginUnix = nowUnix()
      return responseFrom(user)
    })
  }

  return ({ token, scheme }) => {
    switch (scheme) {
      case 'bearer':
      case 'api-key':
        return byToken(token)
      case 'basic':
        return byPassword(token)
      case 'one-time':
        return byCode(token)
      case 'upstream':
        return Promise.resolve(nobody)
    }
  }
}
