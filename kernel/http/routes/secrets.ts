/** Routes of secrets: their names come out, values only go in. */
import { z } from 'zod'
import { longestSecret, secretNamePattern } from '../../plugin/secrets/store.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'

const secret = z.strictObject({
  /** What configurations refer to it by. */
  name: z.string(),
  /** Null where the store does not say. */
  updated_at: z.string().nullable(),
}).meta({ id: 'Secret' })

const newValue = z.strictObject({
  /** Kept, and never shown again. */
  value: z.string().min(1).max(longestSecret),
}).meta({ id: 'SecretValue' })

/** The name with its slashes as `%2F`. */
const nameParams = z.object({
  name: z.string().regex(secretNamePattern, {
    message: 'must be words of letters, digits, "_", "-" and "." joined by "/"',
  }),
})

const list = route('get', '/v1/secrets', {
  summary: 'List the names of the secrets; their values are never shown',
  responses: { 200: json(z.strictObject({ secrets: z.array(secret) }), 'Names') },
})

const put = route('put', '/v1/secrets/{name}', {
  summary: 'Make or replace a secret; write the slashes of its name as %2F',
  request: {
    params: nameParams,
    body: { required: true, content: { 'application/json': { schema: newValue } } },
  },
  responses: { 204: { description: 'Kept' } },
})

const remove = route('delete', '/v1/secrets/{name}', {
  summary: 'Delete a secret; plugins that need it fail from then on',
  request: { params: nameParams },
  responses: { 204: { description: 'Gone' } },
})

const rotate = route('post', '/v1/secrets/rotate', {
  summary: 'Seal all secrets anew under a new key; OpenBao does that itself and refuses',
  responses: { 204: { description: 'The old key opens nothing any more' } },
})

/** Routes below `/v1/secrets`. */
export function secretRoutes({ secrets }: HttpDeps) {
  return createApi()
    .openapi(list, async (c) => {
      const names = await secrets.list()
      const shown = names.map(({ name, updatedAt }) => ({ name, updated_at: updatedAt }))
      return c.json({ secrets: shown }, 200)
    })
    .openapi(put, async (c) => {
      await secrets.put(c.req.valid('param').name, c.req.valid('json').value)
      return c.body(null, 204)
    })
    .openapi(rotate, async (c) => {
      await secrets.rotate()
      return c.body(null, 204)
    })
    .openapi(remove, async (c) => {
      await secrets.remove(c.req.valid('param').name)
      return c.body(null, 204)
    })
}
