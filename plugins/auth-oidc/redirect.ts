/** The way to the provider and back: authorization code with PKCE, state and nonce, and its ends. */
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  skipSubjectCheck,
  type TokenEndpointResponse,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import type { AuthResponse, RedirectSignIn } from '../../kernel/contract/auth.ts'
import { messageOf } from '../../kernel/errors.ts'
import { type Claims, nobody, responseFrom, roleFrom, textAt } from './claims.ts'
import type { OidcSettings } from './options.ts'
import { isRefusal, type Provider, unavailable } from './provider.ts'
import type { TokenReader } from './tokens.ts'

/** Told of everybody who signed in. */
export type OnSignIn = (claims: Claims, answer: AuthResponse) => void

/** The browser's way, and the renewing of what it brought. */
export type Redirect = Omit<RedirectSignIn, 'readLogoutNotice'> & {
  refreshToken(request: { refreshToken: string }): Promise<AuthResponse>
}

/** @param onSignIn - hears who signed in, or was renewed */
export function createRedirect(
  settings: OidcSettings,
  findProvider: () => Promise<Provider>,
  tokens: TokenReader,
  onSignIn: OnSignIn,
): Redirect {
  const { label, scopes, defaultRole, log } = settings

  /** Who the tokens belong to. The ID token tells first, then the access token, then the user info. */
  async function answerFrom(
    provider: Provider,
    { access_token: accessToken, refresh_token: refreshToken, id_token: idToken }:
      TokenEndpointResponse,
  ) {
    const claims = await claimsOf(provider, accessToken, idToken)
    const role = roleFrom(claims, settings) ?? defaultRole
    if (role === undefined) {
      log.warn('sign-in refused: no claim of this person means a role', {
        user: textAt(claims, 'preferred_username') || textAt(claims, 'sub'),
        claim: settings.rolesClaim,
      })
      return nobody
    }
    const answer = {
      ...responseFrom(claims, role),
      accessToken,
      ...(refreshToken !== undefined && { refreshToken }),
    }
    onSignIn(claims, answer)
    return { ...answer, ...(idToken !== undefined && { idToken }) }
  }

  async function claimsOf(
    provider: Provider,
    accessToken: string,
    idToken: string | undefined,
  ): Promise<Claims> {
    const own = idToken === undefined ? {} : await tokens.readClaims(idToken)
    if (isEnough(own)) return own
    const granted = await tokens.readClaims(accessToken, null).catch((failure: unknown) => {
      if (isRefusal(failure)) return {} // an opaque token, or one that is none of our business
      throw failure
    })
    const told = { ...granted, ...own }
    return isEnough(told) ? told : { ...await userInfoOf(provider, accessToken, own), ...told }
  }

  function isEnough(claims: Claims): boolean {
    return roleFrom(claims, settings) !== undefined && textAt(claims, 'preferred_username') !== ''
  }

  /** A refusal is an answer. */
  async function refusedIsNobody<T extends AuthResponse>(
    what: string,
    work: () => Promise<T>,
  ): Promise<T | AuthResponse> {
    try {
      return await work()
    } catch (failure) {
      if (!isRefusal(failure)) throw unavailable(settings, failure)
      log.info(`${what} refused`, { reason: messageOf(failure) })
      return nobody
    }
  }

  return {
    label,
    async start({ redirectUri }) {
      const { config } = await findProvider()
      const secrets = {
        state: randomState(),
        nonce: randomNonce(),
        codeVerifier: randomPKCECodeVerifier(),
      }
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes,
        state: secrets.state,
        nonce: secrets.nonce,
        code_challenge: await calculatePKCECodeChallenge(secrets.codeVerifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, secrets }
    },
    finish: ({ callbackUrl, secrets }) =>
      refusedIsNobody('sign-in', async () => {
        const provider = await findProvider()
        const response = await authorizationCodeGrant(provider.config, new URL(callbackUrl), {
          expectedState: secrets.state,
          expectedNonce: secrets.nonce,
          pkceCodeVerifier: secrets.codeVerifier,
          idTokenExpected: true,
        })
        return await answerFrom(provider, response)
      }),
    refreshToken: ({ refreshToken }) =>
      refusedIsNobody('refresh', async () => {
        const provider = await findProvider()
        return await answerFrom(provider, await refreshTokenGrant(provider.config, refreshToken))
      }),
    async logoutUrl({ idToken, returnUrl }) {
      const { config } = await findProvider()
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined
      return buildEndSessionUrl(config, {
        post_logout_redirect_uri: returnUrl,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      }).href
    },
  }
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
