/** Tokens that the provider signed: who made them, for whom, until when, and what kind they are. */
import { errors, type JWTHeaderParameters, jwtVerify, type JWTVerifyOptions } from 'jose'
import { type AuthResponse, type LogoutNotice, nobody } from '../../kernel/contract/auth.ts'
import { type Claims, responseFrom, roleFrom, textAt, userIdOf } from './claims.ts'
import type { OidcSettings } from './options.ts'
import { isRefusal, type Provider, unavailable } from './provider.ts'

/** Signatures that only the provider can make: never `none`, never a shared secret. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Logout tokens are sent when the session ends: an old one is a replayed one. */
const longestNoticeSeconds = 120

/** What is asked of the tokens of one provider. */
export interface TokenReader {
  /** Who an access token belongs to; with `expiresAtUnix` and not valid when it has expired. */
  readAccessToken(token: string): Promise<AuthResponse>
  /** Claims of a token with a right signature, for the client unless `audience` says otherwise. @throws what `isRefusal` tells apart */
  readClaims(token: string, audience?: string | null): Promise<Claims>
  readLogoutNotice(token: string): Promise<LogoutNotice | undefined>
}

/** Reads tokens with the keys of the provider. */
export function createTokenReader(
  settings: OidcSettings,
  findProvider: () => Promise<Provider>,
): TokenReader {
  const { audience, clientId, clock, clockToleranceSeconds: clockTolerance, defaultRole } = settings

  async function verify(token: string, options: JWTVerifyOptions) {
    const { config, keys } = await findProvider()
    const { issuer } = config.serverMetadata()
    const currentDate = new Date(clock.now())
    const common = { issuer, algorithms, clockTolerance, currentDate }
    return await jwtVerify(token, keys, { ...common, ...options })
  }

  return {
    async readAccessToken(token) {
      if (!isSigned(token)) return nobody
      try {
        const requiredClaims = ['sub', 'exp', 'iat']
        const { payload, protectedHeader } = await verify(token, { audience, requiredClaims })
        if (!isAccessToken(payload, protectedHeader)) return nobody
        const role = roleFrom(payload, settings) ?? defaultRole
        if (role === undefined) return nobody
        return { ...responseFrom(payload, role), expiresAtUnix: payload.exp ?? 0 }
      } catch (failure) {
        if (failure instanceof errors.JWTExpired) {
          return { ...nobody, expiresAtUnix: failure.payload.exp ?? 0 }
        }
        if (isRefusal(failure)) return nobody
        throw unavailable(settings, failure)
      }
    },
    async readClaims(token, forWhom = clientId) {
      const limits = { requiredClaims: ['sub', 'exp'] }
      const { payload } = await verify(token, {
        ...limits,
        ...(forWhom !== null && { audience: forWhom }),
      })
      return payload
    },
    async readLogoutNotice(token) {
      if (!isSigned(token)) return undefined
      try {
        const { payload, protectedHeader } = await verify(token, {
          audience: clientId,
          requiredClaims: ['iat', 'jti', 'events'],
          maxTokenAge: longestNoticeSeconds,
        })
        return isOfType(protectedHeader, ['logout+jwt', 'jwt']) ? noticeFrom(payload) : undefined
      } catch (failure) {
        if (isRefusal(failure)) return undefined
        throw unavailable(settings, failure)
      }
    },
  }

  /** OpenID Connect Back-Channel Logout 1.0, 2.4: a nonce would make it an ID token. */
  function noticeFrom(claims: Claims): LogoutNotice | undefined {
    const { events, iat } = claims
    const [subject, sessionId] = [textAt(claims, 'sub'), textAt(claims, 'sid')]
    const isLogout = typeof events === 'object' && events !== null &&
      Object.hasOwn(events, logoutEvent)
    if (!isLogout || 'nonce' in claims || subject + sessionId === '' || typeof iat !== 'number') {
      return undefined
    }
    return {
      ...(subject !== '' && { userId: userIdOf(subject) }),
      ...(sessionId !== '' && { sessionId }),
      issuedAtUnix: iat,
      noticeId: textAt(claims, 'jti'),
      expiresAtUnix: iat + longestNoticeSeconds + 2 * clockTolerance,
    }
  }
}

/** Three parts: anything else is not worth a question. */
function isSigned(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
}

/**
 * An ID or logout token is signed by the same provider for the same client, and opens nothing. Access tokens say so
 * (RFC 9068), or Keycloak's way; of others it is known what they are not.
 */
function isAccessToken(claims: Claims, header: JWTHeaderParameters): boolean {
  if (isOfType(header, ['at+jwt', 'application/at+jwt'])) return true
  if (!isOfType(header, ['jwt'])) return false
  const { typ } = claims
  if (typeof typ === 'string') return typ === 'Bearer'
  return !['nonce', 'at_hash', 'c_hash', 'events'].some((name) => name in claims)
}

/** A header without a type is that of a plain JWT. */
function isOfType({ typ = 'jwt' }: JWTHeaderParameters, types: readonly string[]): boolean {
  return types.includes(typ.toLowerCase())
}
