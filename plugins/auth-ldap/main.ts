/** A directory behind the sign-in pillar, as a process of its own. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { systemClock } from '../../kernel/clock.ts'
import { roles } from '../../kernel/contract/auth.ts'
import { defined } from '../../kernel/contract/defined.ts'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createLdapAuth } from './auth.ts'

const configSchema = z.object({
  url: z.string(),
  start_tls: z.boolean().optional(),
  ca_file: z.string().optional(),
  bind_dn: z.string().optional(),
  bind_password_ref: z.string().optional(),
  user_base: z.string(),
  user_filter: z.string().optional(),
  group_base: z.string().optional(),
  group_filter: z.string().optional(),
  roles: z.record(z.string(), z.enum(roles)),
  default_role: z.enum(roles).optional(),
  id_attribute: z.string().optional(),
  username_attribute: z.string().optional(),
  timeout_ms: z.int().optional(),
  max_connections: z.int().optional(),
})

await definePlugin({
  pillar: 'auth',
  async implement({ configOf, secrets, log }) {
    const config = configOf(configSchema)
    const { ca_file, bind_password_ref } = config
    const options = {
      startTls: config.start_tls,
      ca: ca_file === undefined ? undefined : await readFile(ca_file, 'utf8'),
      bindDn: config.bind_dn,
      bindPassword: bind_password_ref && await secrets.resolve(bind_password_ref),
      userFilter: config.user_filter,
      groupBase: config.group_base,
      groupFilter: config.group_filter,
      defaultRole: config.default_role,
      idAttribute: config.id_attribute,
      usernameAttribute: config.username_attribute,
      timeoutMs: config.timeout_ms,
      maxConnections: config.max_connections,
    }
    const { url, user_base: userBase, roles } = config
    return createLdapAuth({ url, userBase, roles, clock: systemClock, log, ...defined(options) })
  },
  async selfTest(auth) {
    await auth.listUsers({ page: 1, pageSize: 1 })
    return []
  },
})
