/** Where a provider says who somebody is: the ID token first, then the access token, then the user info. */
import {
  fetchUserInfo,
  ResponseBodyError,
  skipSubjectCheck,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { type Claims, roleFrom, textAt } from './claims.ts'
import type { OidcSettings } from './options.ts'
import { isRefusal, type Provider } from './provider.ts'
import type { TokenReader } from './tokens.ts'

/** What is asked. */
export interface ClaimSources {
  readonly settings: OidcSettings
  readonly tokens: TokenReader
  readonly provider: Provider
}

/** The claims of the one whose tokens these are; where sources differ, the ID token is right. */
export async function claimsOf(
  { settings, tokens, provider }: ClaimSources,
  accessToken: string,
  idToken: string | undefined,
): Promise<Claims> {
  const isEnough = (claims: Claims) =>
    roleFrom(claims, settings) !== undefined && textAt(claims, 'preferred_username') !== ''
  const own = idToken === undefined ? {} : await tokens.readClaims(idToken)
  if (isEnough(own)) return own
  const granted = await tokens.readClaims(accessToken, null).catch((failure: unknown) => {
    if (isRefusal(failure)) return {} // an opaque token, or one that is none of our business
    throw failure
  })
  const told = { ...granted, ...own }
  return isEnough(told) ? told : { ...await userInfoOf(provider, accessToken, own), ...told }
}

/** The user info; nothing where there is none, or where the token does not open it. */
async function userInfoOf(
  { config }: Provider,
  accessToken: string,
  claims: Claims,
): Promise<Claims> {
  if (config.serverMetadata().userinfo_endpoint === undefined) return {}
  try {
    return await fetchUserInfo(config, accessToken, textAt(claims, 'sub') || skipSubjectCheck)
  } catch (failure) {
    const isClosed = failure instanceof WWWAuthenticateChallengeError ||
      failure instanceof ResponseBodyError && failure.status === 403
    if (isClosed) return {}
    throw failure
  }
}
