/** Routes of join tokens: make, list, take back. */
import { z } from 'zod'
import {
  joinTokenViewSchema,
  newJoinTokenSchema,
  tokenSecondsSchema,
  usualTokenSeconds,
} from '../../contract/worker.ts'
import { listJoinTokens } from '../../db/join-tokens.ts'
import { noteAudit } from '../audit.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { idParams } from './input.ts'

const token = joinTokenViewSchema.meta({ id: 'JoinToken' })
const newToken = newJoinTokenSchema.meta({ id: 'NewJoinToken' })
const wish = z.strictObject({
  /** @default 3600 */
  expires_in_seconds: tokenSecondsSchema.optional(),
}).meta({ id: 'JoinTokenWish' })

const create = route('post', '/v1/workers/join-tokens', {
  summary: 'Make a token with which one worker may join; it is shown this once',
  request: { body: { required: false, content: { 'application/json': { schema: wish } } } },
  responses: { 201: json(newToken, 'The token') },
})

const list = route('get', '/v1/workers/join-tokens', {
  summary: 'List the join tokens, without the tokens themselves',
  responses: { 200: json(z.strictObject({ tokens: z.array(token) }), 'The newest first') },
})

const remove = route('delete', '/v1/workers/join-tokens/{id}', {
  summary: 'Take a join token back; whoever joined with it stays',
  request: { params: idParams },
  responses: { 204: { description: 'Gone' } },
})

/** Routes below `/v1/workers/join-tokens`, to be mounted before those of single workers. */
export function joinTokenRoutes({ db, gateway }: HttpDeps) {
  return createApi()
    .openapi(create, async (c) => {
      const { expires_in_seconds: seconds = usualTokenSeconds } = c.req.valid('json')
      const made = await gateway.createJoinToken(seconds, currentCaller(c))
      noteAudit(c, { resourceId: made.id, detail: { expires_at: made.expires_at } })
      return c.json(made, 201)
    })
    .openapi(list, async (c) => c.json({ tokens: await listJoinTokens(db) }, 200))
    .openapi(remove, async (c) => {
      await gateway.deleteJoinToken(c.req.valid('param').id, currentCaller(c))
      return c.body(null, 204)
    })
}
