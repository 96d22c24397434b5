/** The route that signed URLs of a local storage lead to. */
import { Hono } from 'hono'
import { WebEncodeError } from '../../errors.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'

/** `GET` and `PUT /v1/objects/*`. The storage checks the signature and answers. */
export function objectRoutes({ serveObject = refuse }: HttpDeps) {
  return new Hono<AppEnv>()
    .get('/v1/objects/*', (c) => serveObject(c.req.raw))
    .put('/v1/objects/*', (c) => serveObject(c.req.raw, c.env?.bodyChunks))
}

function refuse(): Promise<Response> {
  throw new WebEncodeError(
    'WE-SYS-007',
    'Objects are not served here: the storage has its own URLs',
  )
}
