/** The plugin's own HTTP server: what a signed URL leads to, without a byte through the kernel. */
import { getRequestListener } from '@hono/node-server'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ErrorCode, messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import type { Settings } from './settings.ts'
import type { FsStorage } from './storage.ts'

/** A server that listens. */
export interface Listener {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

const statuses: Partial<Record<ErrorCode, number>> = {
  'WE-STO-001': 404,
  'WE-STO-002': 403,
  'WE-STO-003': 507,
  'WE-STO-005': 416,
  'WE-STO-006': 422,
  'WE-STO-007': 412,
  'WE-SYS-007': 404,
}

/** Requests that are answered at the same time. */
const maxConnections = 1000

/** A signature is all that a request needs: pages of every origin may send it. */
const crossOrigin = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-range, content-disposition, etag, range',
}
const preflight = {
  ...crossOrigin,
  'access-control-allow-methods': 'GET, HEAD, PUT',
  'access-control-allow-headers':
    'content-type, content-range, repr-digest, range, if-range, if-none-match',
  'access-control-max-age': '600',
}

/** Listens at the address of the settings. */
export async function serveSignedUrls(
  { host, port }: Settings,
  storage: Pick<FsStorage, 'serve'>,
  log: Log,
): Promise<Listener> {
  const answer = getRequestListener((request) => answerRequest(request, storage, log))
  const server = createServer((request, response) => void answer(request, response))
  server.maxConnections = maxConnections
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://${host}:${address.port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answerRequest(
  request: Request,
  storage: Pick<FsStorage, 'serve'>,
  log: Log,
): Promise<Response> {
  if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: preflight })
  const answer = await serveOrRefuse(request, storage, log)
  for (const [name, value] of Object.entries(crossOrigin)) answer.headers.set(name, value)
  return answer
}

async function serveOrRefuse(
  request: Request,
  storage: Pick<FsStorage, 'serve'>,
  log: Log,
): Promise<Response> {
  try {
    return await storage.serve(request)
  } catch (failure) {
    const code = failure instanceof WebEncodeError ? failure.code : 'WE-STO-004'
    const status = statuses[code] ?? 500
    if (status >= 500) log.error('A signed URL failed', { error: failure })
    const details = status === 500
      ? 'The storage could not finish this request'
      : messageOf(failure)
    return Response.json({ error: { code, details } }, { status })
  }
}
