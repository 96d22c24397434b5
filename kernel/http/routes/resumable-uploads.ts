/** Uploads that survive a broken connection: tus 1.0 (https://tus.io/protocols/resumable-upload). */
import { Server } from '@tus/server'
import { type Context, Hono } from 'hono'
import { WebEncodeError } from '../../errors.ts'
import { ResumableUploads } from '../../resumable-uploads.ts'
import { currentIdentity } from '../auth.ts'
import { checkCsrfToken } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { TusStore } from '../tus-store.ts'

const path = '/v1/files/tus'
/** Answered to whoever begins, asks or ends: what a job takes as its source when the upload is whole. */
const sourceHeader = 'WebEncode-Source'
const longestMetadata = 4096

/** `POST /v1/files/tus` begins an upload, `HEAD`, `PATCH` and `DELETE` of its address ask, go on and give up. */
export function resumableUploadRoutes({ storage, clock, config }: HttpDeps) {
  const uploads = new ResumableUploads({ storage, clock })
  /** The library tells failures by number and text; ours go on as they are. */
  const failures = new WeakMap<Request, WebEncodeError>()
  const server = new Server({
    path,
    datastore: new TusStore(uploads),
    maxSize: config.maxUploadBytes,
    relativeLocation: true,
    allowedOrigins: [],
    namingFunction: () => uploads.newId(),
    onResponseError(request, failure) {
      if (failure instanceof WebEncodeError) failures.set(request, failure)
      return Promise.resolve(undefined)
    },
  })

  const answer = async (c: Context<AppEnv>) => {
    if (c.get('isCsrfOpen')) checkCsrfToken(currentIdentity(c), undefined)
    refuseLongMetadata(c)
    const response = await server.handleWeb(c.req.raw)
    const failure = failures.get(c.req.raw)
    if (failure !== undefined) throw failure
    if (response.status === 413) {
      const problem = `The file is larger than the ${config.maxUploadBytes} bytes allowed`
      throw new WebEncodeError('WE-SYS-006', problem)
    }
    const id = response.headers.get('location')?.split('/').at(-1) ?? c.req.param('id')
    if (response.status >= 300 || id === undefined || c.req.method === 'DELETE') return response
    const headers = new Headers(response.headers)
    headers.set(sourceHeader, `fs://${(await uploads.read(id)).key}`)
    return new Response(response.body, { status: response.status, headers })
  }

  return new Hono<AppEnv>()
    .options(path, (c) => server.handleWeb(c.req.raw))
    .post(path, answer)
    .get(`${path}/:id`, answer)
    .patch(`${path}/:id`, answer)
    .delete(`${path}/:id`, answer)
}

/** It is kept with the upload, and sent back with every HEAD. */
function refuseLongMetadata(c: Context<AppEnv>): void {
  const { length } = c.req.header('upload-metadata') ?? ''
  if (length <= longestMetadata) return
  throw new WebEncodeError(
    'WE-JOB-001',
    `Upload-Metadata must have at most ${longestMetadata} characters; it has ${length}`,
    { path: 'Upload-Metadata' },
  )
}
