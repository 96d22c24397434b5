/** Files of web servers behind the storage pillar, as a process of its own. */
import { z } from 'zod'
import { createOutbound } from '../../kernel/outbound.ts'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createHttpStorage } from './storage.ts'

const configSchema = z.object({ allowed_hosts: z.array(z.string()).default([]) })

await definePlugin({
  pillar: 'storage',
  implement({ configOf }) {
    const { allowed_hosts: allowedHosts } = configOf(configSchema)
    return createHttpStorage({ outbound: createOutbound({ allowedHosts }) })
  },
})
