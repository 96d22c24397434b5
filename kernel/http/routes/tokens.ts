/** Routes of one's own API tokens: make, list, take back. */
import { z } from 'zod'
import { apiTokenViewSchema, apiTokenWishSchema, newApiTokenSchema } from '../../contract/token.ts'
import { listApiTokens } from '../../db/api-tokens.ts'
import { createApiToken, removeApiToken } from '../api-tokens.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { idParams } from './input.ts'

const token = apiTokenViewSchema.meta({ id: 'ApiToken' })
const newToken = newApiTokenSchema.meta({ id: 'NewApiToken' })
const wish = apiTokenWishSchema.meta({ id: 'ApiTokenWish' })

const create = route('post', '/v1/tokens', {
  summary: 'Make an API token of your own; it is shown this once',
  request: { body: { required: true, content: { 'application/json': { schema: wish } } } },
  responses: { 201: json(newToken, 'The token') },
})

const list = route('get', '/v1/tokens', {
  summary: 'List your API tokens, without the tokens themselves',
  responses: { 200: json(z.strictObject({ tokens: z.array(token) }), 'The newest first') },
})

const remove = route('delete', '/v1/tokens/{id}', {
  summary: 'Take an API token of yours back: it is refused from now on',
  request: { params: idParams },
  responses: { 204: { description: 'Gone' } },
})

/** Routes below `/v1/tokens`. */
export function tokenRoutes(deps: HttpDeps) {
  return createApi()
    .openapi(
      create,
      async (c) => c.json(await createApiToken(deps, currentCaller(c), c.req.valid('json')), 201),
    )
    .openapi(
      list,
      async (c) => c.json({ tokens: await listApiTokens(deps.db, currentCaller(c).userId) }, 200),
    )
    .openapi(remove, async (c) => {
      await removeApiToken(deps, currentCaller(c), c.req.valid('param').id)
      return c.body(null, 204)
    })
}
