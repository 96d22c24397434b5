/** Routes of users: who may sign in, with which role, and what they have open. */
import { z } from 'zod'
import { roles } from '../../contract/auth.ts'
import {
  addedUserSchema,
  listedUserSchema,
  newUserSchema,
  userSchema,
} from '../../contract/user.ts'
import { noteAudit } from '../audit.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { endUserSessions } from '../sessions.ts'
import { addUser, listUsers, removeUser, setUserRole, takeBackTokens } from '../users.ts'
import { plainText } from './input.ts'

const user = userSchema.meta({ id: 'User' })
const listed = listedUserSchema.meta({ id: 'ListedUser' })
const added = addedUserSchema.meta({ id: 'AddedUser' })
const wish = newUserSchema.meta({ id: 'NewUser' })
const change = z.strictObject({ role: z.enum(roles) }).meta({ id: 'UserChange' })

/** Ids of other ways to sign in hold whatever those put there. */
const userParams = z.object({ id: plainText(z.string().min(1).max(300)) })

const list = route('get', '/v1/users', {
  summary: 'List who signed in once, and who may but never did; at most 1000 of each',
  responses: { 200: json(z.strictObject({ users: z.array(listed) }), 'By name') },
})

const add = route('post', '/v1/users', {
  summary: 'Add a user that this server keeps; their API token is shown this once',
  request: { body: { required: true, content: { 'application/json': { schema: wish } } } },
  responses: { 201: json(added, 'The user') },
})

const update = route('patch', '/v1/users/{id}', {
  summary: 'Give a user that this server keeps another role; it holds with their next request',
  request: {
    params: userParams,
    body: { required: true, content: { 'application/json': { schema: change } } },
  },
  responses: { 200: json(user, 'The user') },
})

const remove = route('delete', '/v1/users/{id}', {
  summary: 'Delete a user that this server keeps, with their sessions and tokens',
  request: { params: userParams },
  responses: { 204: { description: 'Gone' } },
})

const endSessions = route('post', '/v1/users/{id}/end-sessions', {
  summary: 'Sign a user out everywhere; they may sign in again',
  request: { params: userParams },
  responses: { 200: json(z.strictObject({ sessions: z.int() }), 'How many ended') },
})

const takeBack = route('post', '/v1/users/{id}/take-back-tokens', {
  summary: 'Take back all API tokens that a user made',
  request: { params: userParams },
  responses: { 200: json(z.strictObject({ tokens: z.int() }), 'How many are refused from now on') },
})

/** Routes below `/v1/users`. */
export function userRoutes(deps: HttpDeps) {
  return createApi()
    .openapi(list, async (c) => c.json({ users: await listUsers(deps) }, 200))
    .openapi(add, async (c) => {
      const { username, role } = c.req.valid('json')
      noteAudit(c, { detail: { username, role } })
      const made = await addUser(deps, c.req.valid('json'))
      noteAudit(c, { resourceId: made.id })
      c.header('Cache-Control', 'no-store')
      return c.json(made, 201)
    })
    .openapi(update, async (c) => {
      const { role } = c.req.valid('json')
      noteAudit(c, { detail: { role } })
      return c.json(await setUserRole(deps, c.req.valid('param').id, role), 200)
    })
    .openapi(remove, async (c) => {
      await removeUser(deps, c.req.valid('param').id)
      return c.body(null, 204)
    })
    .openapi(endSessions, async (c) => {
      return c.json({ sessions: await endUserSessions(deps, c.req.valid('param').id) }, 200)
    })
    .openapi(takeBack, async (c) => {
      const tokens = await takeBackTokens(deps, currentCaller(c), c.req.valid('param').id)
      return c.json({ tokens }, 200)
    })
}
