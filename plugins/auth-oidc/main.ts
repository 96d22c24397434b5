/** Bearer tokens of an OpenID Connect provider behind the sign-in pillar; the redirect sign-in is part of the kernel. */
import { z } from 'zod'
import { systemClock } from '../../kernel/clock.ts'
import { roles } from '../../kernel/contract/auth.ts'
import { defined } from '../../kernel/contract/defined.ts'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createOidcAuth } from './auth.ts'

const configSchema = z.object({
  issuer: z.string(),
  client_id: z.string(),
  client_secret_ref: z.string().optional(),
  label: z.string().optional(),
  scopes: z.string().optional(),
  roles_claim: z.string().optional(),
  roles: z.record(z.string(), z.enum(roles)).optional(),
  default_role: z.enum(roles).optional(),
  audience: z.string().optional(),
  clock_tolerance_seconds: z.int().optional(),
  timeout_ms: z.int().optional(),
})

await definePlugin({
  pillar: 'auth',
  async implement({ configOf, secrets, log }) {
    const config = configOf(configSchema)
    const { issuer, client_id: clientId, client_secret_ref } = config
    const options = defined({
      clientSecret: client_secret_ref && await secrets.resolve(client_secret_ref),
      label: config.label,
      scopes: config.scopes,
      rolesClaim: config.roles_claim,
      roles: config.roles,
      defaultRole: config.default_role,
      audience: config.audience,
      clockToleranceSeconds: config.clock_tolerance_seconds,
      timeoutMs: config.timeout_ms,
    })
    return createOidcAuth({ issuer, clientId, clock: systemClock, log, ...options })
  },
})
