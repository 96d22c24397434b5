/** What every sign-in plugin must do, asked over the wire. */
import { randomUUID } from 'node:crypto'
import { authFrom } from '../adapters/auth.ts'
import type { HostedPlugin } from '../instance.ts'
import type { Check } from './check.ts'
import { must } from './must.ts'

/** The checks, in order. None signs anyone in: nobody's password is known here. */
export function authChecks(plugin: HostedPlugin): readonly Check[] {
  const auth = authFrom(plugin)
  return [
    {
      title: 'a wrong token or password is an answer, not a failure',
      run: async () => {
        const password = Buffer.from(`nobody:${randomUUID()}`).toString('base64')
        for (
          const [scheme, token] of [['bearer', randomUUID()], ['basic', password], [
            'basic',
            '',
          ]] as const
        ) {
          const request = { scheme, token, clientIp: '127.0.0.1', userAgent: 'plugin check' }
          const { valid } = await auth.authenticate(request)
          must(!valid, `${scheme} with a made-up token must not be valid`)
        }
      },
    },
    {
      title: 'the profile of nobody is nothing',
      run: async () => {
        const profile = await auth.getUserProfile(randomUUID())
        must(profile === undefined, 'a made-up user must have no profile')
      },
    },
    {
      title: 'ListUsers keeps to its pages',
      run: async () => {
        const { users, totalCount } = await auth.listUsers({ page: 1, pageSize: 1 })
        must(users.length <= 1, `a page of one must have at most one user, found ${users.length}`)
        must(totalCount >= users.length, 'the count must include the page')
      },
    },
  ]
}
