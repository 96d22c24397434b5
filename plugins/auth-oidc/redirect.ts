/** The way to the provider and back: authorization code with PKCE, state and nonce, and its ends. */
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client'
import { type AuthResponse, nobody, type RedirectSignIn } from '../../kernel/contract/auth.ts'
import { messageOf } from '../../kernel/errors.ts'
import { claimsOf } from './claim-sources.ts'
import { type Claims, responseFrom, roleFrom, textAt } from './claims.ts'
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
    const claims = await claimsOf({ settings, tokens, provider }, accessToken, idToken)
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
      return await questionFor(config, redirectUri, scopes)
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

/** The address of the provider that asks, and what must come back with the answer. */
async function questionFor(config: Configuration, redirectUri: string, scope: string) {
  const secrets = {
    state: randomState(),
    nonce: randomNonce(),
    codeVerifier: randomPKCECodeVerifier(),
  }
  const url = buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: await calculatePKCECodeChallenge(secrets.codeVerifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, secrets }
}
