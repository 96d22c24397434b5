/** A web server for the tests: files in memory, with ranges, and the faults of servers that have none. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contentTypeOf } from '../../kernel/contract/content-types.ts'
import type { OpenStorage } from '../../kernel/contract/storage.fixture.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'

/** How the server answers. */
export type Manner = 'well' | 'without ranges' | 'without lengths' | 'other ranges' | 'half'

/** The server. */
export interface TestWeb {
  readonly origin: string
  /** Texts by the path of their address, query included, as it is sent. */
  readonly files: Map<string, string>
  /** Statuses by path, in place of a file. */
  readonly statuses: Map<string, number>
  /** Where paths redirect to. */
  readonly redirects: Map<string, string>
  readonly requests: IncomingMessage[]
  manner: Manner
  /** Answers nothing until told otherwise. */
  isDeaf: boolean
  /** Takes no connections until it is opened again, at the same address. */
  shut(): Promise<void>
  reopen(): Promise<void>
}

const changed = new Date().toUTCString()

/** Starts it on a free port. */
export async function startTestWeb(): Promise<TestWeb> {
  const server = createServer((request, response) => {
    web.requests.push(request)
    if (!web.isDeaf) answer(web, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const web: TestWeb = {
    origin: `http://127.0.0.1:${port}`,
    files: new Map(),
    statuses: new Map(),
    redirects: new Map(),
    requests: [],
    manner: 'well',
    isDeaf: false,
    async shut() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
    async reopen() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
  return web
}

function answer(web: TestWeb, { url = '/', headers }: IncomingMessage, response: ServerResponse) {
  const location = web.redirects.get(url)
  if (location !== undefined) return void response.writeHead(302, { location }).end()
  const text = web.files.get(url)
  const status = web.statuses.get(url) ?? (text === undefined ? 404 : undefined)
  if (status !== undefined || text === undefined) {
    return void response.writeHead(status ?? 404).end()
  }
  response.setHeader('etag', `W/"${text.length}"`)
  response.setHeader('last-modified', changed)
  response.setHeader('content-type', contentTypeOf(url))
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (first === undefined || web.manner.startsWith('without')) return sendWhole(web, text, response)
  const bytes = Buffer.from(text)
  const start = Number(first) + (web.manner === 'other ranges' ? 1 : 0)
  if (start >= bytes.length) {
    return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
  }
  const part = bytes.subarray(start, last ? Number(last) + 1 : undefined)
  const range = `bytes ${start}-${start + part.length - 1}/${bytes.length}`
  response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
}

function sendWhole({ manner }: TestWeb, text: string, response: ServerResponse): void {
  const bytes = Buffer.from(text)
  if (manner === 'without lengths') response.flushHeaders()
  else response.setHeader('content-length', bytes.length)
  if (manner !== 'half') return void response.end(bytes)
  response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
}

/** A storage over a server of its own, for the suite. */
export async function openWebStorage(
  storage: StorageProvider,
  close: () => Promise<void> = () => Promise.resolve(),
): Promise<OpenStorage> {
  const web = await startTestWeb()
  return {
    storage,
    bucket: web.origin,
    fetch,
    place: (path, text) => void web.files.set(new URL(`${web.origin}/${path}`).pathname, text),
    async fail(how) {
      if (how === 'full') return undefined
      if (how === 'slow') {
        web.isDeaf = true
        return () => Promise.resolve(void (web.isDeaf = false))
      }
      await web.shut()
      return () => web.reopen()
    },
    async close() {
      await close()
      await web.shut()
    },
  }
}
