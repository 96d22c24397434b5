/** The users of an htpasswd file behind the sign-in pillar, as a process of its own. */
import { z } from 'zod'
import { roles } from '../../kernel/contract/auth.ts'
import { defined } from '../../kernel/contract/defined.ts'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createHtpasswdAuth } from './htpasswd.ts'

const configSchema = z.object({
  htpasswd: z.string(),
  htpasswd_roles: z.record(z.string(), z.enum(roles)).optional(),
  default_role: z.enum(roles).optional(),
})

await definePlugin({
  pillar: 'auth',
  implement({ configOf, log }) {
    const { htpasswd: file, htpasswd_roles, default_role } = configOf(configSchema)
    const options = defined({ defaultRole: default_role })
    return createHtpasswdAuth({ file, roles: htpasswd_roles ?? {}, log, ...options })
  },
  async selfTest(auth) {
    const { totalCount } = await auth.listUsers({ page: 1, pageSize: 1 })
    return totalCount > 0
      ? []
      : ['the htpasswd file must have a user with a bcrypt or argon2id hash and a role']
  },
})
