/** The provider as it describes itself: discovered at the first question, and again from time to time. */
import {
  allowInsecureRequests,
  ClientError,
  ClientSecretBasic,
  clockTolerance,
  type Configuration,
  discovery,
  None,
  ResponseBodyError,
} from 'openid-client'
import { createRemoteJWKSet, type RemoteJWKSet } from 'jose'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { OidcSettings } from './options.ts'

/** What is known of the provider. */
export interface Provider {
  readonly config: Configuration
  /** Its signing keys; an unknown one makes them be asked for again. */
  readonly keys: RemoteJWKSet
}

const rediscoverMs = 3_600_000

/** Answers the provider. @throws WE-AUTH-005 when it cannot be discovered; the next question tries again */
export function createProviderFinder(settings: OidcSettings): () => Promise<Provider> {
  const { clock } = settings
  let known: { readonly provider: Promise<Provider>; readonly atMs: number } | undefined
  return async () => {
    if (known === undefined || clock.now() - known.atMs > rediscoverMs) {
      known = { provider: discover(settings), atMs: clock.now() }
    }
    const asked = known
    try {
      return await asked.provider
    } catch (failure) {
      if (known === asked) known = undefined
      throw unavailable(settings, failure)
    }
  }
}

/** The failure of a provider that does not answer as one must. */
export function unavailable({ issuer }: OidcSettings, cause: unknown): WebEncodeError {
  if (cause instanceof WebEncodeError) return cause
  return new WebEncodeError(
    'WE-AUTH-005',
    `Cannot ask the identity provider ${issuer}: ${messageOf(cause)}`,
    { cause },
  )
}

/** True when the provider, or what it signed, says no; false when it could not be asked. */
export function isRefusal(failure: unknown): boolean {
  if (failure instanceof ResponseBodyError) return failure.error === 'invalid_grant'
  const code = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
  const isKnown = failure instanceof ClientError || /^(OAUTH|ERR_JOSE|ERR_J)/.test(String(code))
  return isKnown && refusalCodes.has(String(code))
}

const refusalCodes: ReadonlySet<string> = new Set([
  'OAUTH_AUTHORIZATION_RESPONSE_ERROR',
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWS_INVALID',
  'ERR_JWT_INVALID',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
])

async function discover(settings: OidcSettings): Promise<Provider> {
  const { issuer, clientId, clientSecret, timeoutMs, keysCooldownMs } = settings
  const url = new URL(issuer)
  const config = await discovery(
    url,
    clientId,
    { [clockTolerance]: settings.clockToleranceSeconds },
    clientSecret === undefined ? None() : ClientSecretBasic(clientSecret),
    {
      timeout: timeoutMs / 1000,
      ...(url.protocol === 'http:' && { execute: [allowInsecureRequests] }),
    },
  )
  const { jwks_uri: keysUrl } = config.serverMetadata()
  if (keysUrl === undefined) throw new Error('it names no jwks_uri')
  const keys = createRemoteJWKSet(new URL(keysUrl), {
    timeoutDuration: timeoutMs,
    cooldownDuration: keysCooldownMs,
  })
  return { config, keys }
}
