/** Routes of encoding profiles. */
import { z } from 'zod'
import { profileSchema } from '../../contract/profile.ts'
import { WebEncodeError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'

const profile = profileSchema.meta({ id: 'Profile' })

const list = route('get', '/v1/profiles', {
  summary: 'List the profiles',
  responses: { 200: json(z.strictObject({ profiles: z.array(profile) }), 'All profiles') },
})

const read = route('get', '/v1/profiles/{name}', {
  summary: 'Read a profile',
  request: { params: z.object({ name: z.string().max(64) }) },
  responses: { 200: json(profile, 'The profile') },
})

/** Routes below `/v1/profiles`. */
export function profileRoutes({ profiles }: HttpDeps) {
  return createApi()
    .openapi(list, (c) => c.json({ profiles: [...profiles] }, 200))
    .openapi(read, (c) => {
      const { name } = c.req.valid('param')
      const found = profiles.find((candidate) => candidate.name === name)
      if (found === undefined) throw new WebEncodeError('WE-SYS-007', `No profile is named ${name}`)
      return c.json(found, 200)
    })
}
