/** WebSockets on Node: the handshake, sending, and dropping whoever is gone. */
import type { HttpBindings } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import { type IncomingMessage, type Server as HttpServer, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { maxMessageBytes, type TakeSocket, type TextSocket } from './runtime.ts'
import type { UpgradeWebSocket } from './runtime.ts'
import type { SharedText } from './shared-text.ts'

/** A socket of the package `ws`, as far as it is used here. */
interface ClientSocket {
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: Buffer, options: { binary: false }): void
  close(code: number, reason: string): void
  terminate(): void
  ping(): void
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void
  on(event: 'close' | 'error' | 'pong', listener: (this: ClientSocket) => void): void
}

interface ClientServer {
  readonly clients: ReadonlySet<ClientSocket>
  readonly options: { maxPayload: number }
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    done: (client: ClientSocket) => void,
  ): void
}

/** The WebSockets of one server. */
export interface NodeSockets {
  readonly upgradeWebSocket: UpgradeWebSocket
  /** Answers the handshakes that `server` gets, by asking the app. */
  attach(server: HttpServer, answer: AnswerHandshake): void
  /** Says goodbye to every client and stops looking after them. */
  close(): void
}

/** What the app answers to a handshake. */
export type AnswerHandshake = (request: Request, env: HttpBindings) => Response | Promise<Response>

const open = 1
/** A WebSocket that has not answered a ping by the next one is dropped. */
const pingMs = 30_000
/** Clients that are pinged before others get a turn. */
const pingsAtOnce = 100

/**
 * The sockets of a server. Of `@hono/node-ws` only the socket server is used: its own events keep the request, its
 * headers and the context of the app alive for as long as the socket.
 */
export function createNodeSockets(): NodeSockets {
  const app = { request: () => new Response() } as unknown as AppOfPackage
  const sockets = createNodeWebSocket({ app }).wss as unknown as ClientServer
  sockets.options.maxPayload = maxMessageBytes
  const accepted = new WeakMap<IncomingMessage, TakeSocket>()
  const silent = new WeakSet<ClientSocket>()
  let timer: ReturnType<typeof setInterval> | undefined
  function hear(this: ClientSocket): void {
    silent.delete(this)
  }
  return {
    upgradeWebSocket: (accept) => async (c, next) => {
      if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return await next()
      accepted.set((c.env as HttpBindings).incoming, accept(c))
      return new Response()
    },
    attach(server, answer) {
      const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (!isHandshake(request)) return await refuse(socket, upgradeRequired())
        const response = await answer(requestFrom(request), bindingsOf(request))
        const take = accepted.get(request)
        if (take === undefined) return await refuse(socket, await refusalOf(response))
        sockets.handleUpgrade(request, socket, head, (client) => {
          client.on('pong', hear)
          hand(client, take)
        })
      }
      server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on('error', () => socket.destroy())
        upgrade(request, socket, head).catch(() => socket.destroy())
      })
      timer = setInterval(() => void pingAll(sockets.clients, silent), pingMs)
      timer.unref()
    },
    close() {
      clearInterval(timer)
      for (const client of sockets.clients) client.close(1001, 'The server stops')
    },
  }
}

/** Asks for a WebSocket. Other protocols may be offered with any request, which is then answered as if they were not. */
export function isHandshake({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

type AppOfPackage = Parameters<typeof createNodeWebSocket>[0]['app']

/** There is no answer to write to: the socket is the runtime's. */
function bindingsOf(incoming: IncomingMessage): HttpBindings {
  return { incoming } as HttpBindings
}

/** @throws TypeError when the address is none */
function requestFrom({ url, headers }: IncomingMessage): Request {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]]
  )
  return new Request(new URL(url ?? '/', `http://${headers.host ?? 'localhost'}`), {
    headers: entries as [string, string][],
  })
}

function upgradeRequired(): Response {
  return new Response(null, { status: 426, headers: { upgrade: 'websocket' } })
}

/** An address that answers, and not with a WebSocket, refuses the handshake. */
async function refusalOf(response: Response): Promise<Response> {
  if (response.status >= 400) return response
  await response.body?.cancel()
  return new Response('There is no WebSocket here', { status: 400 })
}

/** How long a client that was refused may take to go. */
const leaveMs = 1000

/** Writes the app's answer: why not, and when to try again. Whoever does not go by themselves is dropped: nobody else looks after the socket. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const { status, headers } = response
  const body = Buffer.from(await response.text())
  const timer = setTimeout(() => socket.destroy(), leaveMs)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
  headers.set('connection', 'close')
  headers.set('content-length', String(body.length))
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`)
  socket.end(body)
}

function hand(client: ClientSocket, take: TakeSocket): void {
  const handler = take(new NodeTextSocket(client))
  // The event `close` follows; without a listener, an error would end the process.
  client.on('error', () => {})
  if (handler === undefined) return
  client.on('message', (data, isBinary) => handler.receive(isBinary ? data : data.toString()))
  client.on('close', () => handler.close())
}

class NodeTextSocket implements TextSocket {
  readonly #client: ClientSocket

  constructor(client: ClientSocket) {
    this.#client = client
  }

  send(message: SharedText): void {
    if (this.#client.readyState === open) this.#client.send(message.bytes, { binary: false })
  }

  close(code: number, reason: string): void {
    this.#client.close(code, reason)
  }

  get bufferedAmount(): number {
    return this.#client.bufferedAmount
  }
}

/** Pings every client, and drops those that did not answer the ping before: they are gone without a goodbye. */
async function pingAll(
  clients: ReadonlySet<ClientSocket>,
  silent: WeakSet<ClientSocket>,
): Promise<void> {
  let pinged = 0
  for (const client of clients) {
    if (silent.has(client)) client.terminate()
    else client.ping()
    silent.add(client)
    if (++pinged % pingsAtOnce === 0) await setImmediate()
  }
}
