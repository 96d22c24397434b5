/** HTTP and WebSocket on Node: `@hono/node-server` and `@hono/node-ws`. */
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { maxMessageBytes, type Runtime, type RuntimeEnv, type Servable } from './runtime.ts'

type NodeWebSocket = ReturnType<typeof createNodeWebSocket>
/** A socket of the package `ws`, as far as it is used here. */
interface ClientSocket {
  close(code: number, reason: string): void
  terminate(): void
  ping(): void
  on(event: 'pong', listener: () => void): void
}
interface ClientServer {
  readonly clients: ReadonlySet<ClientSocket>
  readonly options: { maxPayload: number }
  on(event: 'connection', listener: (client: ClientSocket) => void): void
}
type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>

/** A connection on which nothing moves for this long is dropped. */
const idleMs = 120_000
/** A WebSocket that does not answer two pings in a row is dropped. */
const pingMs = 30_000

/** The runtime of Node. It serves one app. */
export function createNodeRuntime(): Runtime {
  provideErrorEvent()
  let served: Servable | undefined
  const answer = (request: Request, env: HttpBindings & RuntimeEnv) => {
    env.clientAddress = env.incoming.socket.remoteAddress ?? ''
    return served?.fetch(request, env) ?? new Response(null, { status: 503 })
  }
  const webSocket = createNodeWebSocket({
    app: {
      request: (url: URL, init: RequestInit, env: HttpBindings) =>
        answer(new Request(url, init), env),
    } as Parameters<typeof createNodeWebSocket>[0]['app'],
  })
  const sockets = webSocket.wss as unknown as ClientServer
  sockets.options.maxPayload = maxMessageBytes

  return {
    upgradeWebSocket: webSocket.upgradeWebSocket,
    async serve({ app, port, host, graceMs = 10_000 }) {
      served = app
      const server = createAdaptorServer({
        fetch: (request, env) => answer(request, env as HttpBindings),
        hostname: host,
      }) as HttpServer
      // An upload may take hours; a silent connection may not.
      server.requestTimeout = 0
      server.timeout = idleMs
      acceptUpgrades(server, webSocket)
      const stopPings = pingClients(sockets)
      await listen(server, port, host)
      return {
        port: (server.address() as AddressInfo).port,
        async close() {
          stopPings()
          for (const client of sockets.clients) client.close(1001, 'The server stops')
          await drain(server, sockets, graceMs)
        },
      }
    },
  }
}

/** `@hono/node-ws` makes one when a socket breaks, and Node has no such class. */
function provideErrorEvent(): void {
  if ('ErrorEvent' in globalThis) return
  class ErrorEvent extends Event {
    readonly error: unknown
    constructor(type: string, { error }: { error?: unknown } = {}) {
      super(type)
      this.error = error
    }
  }
  Object.assign(globalThis, { ErrorEvent })
}

function listen(server: HttpServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The package's listener lets a broken socket or a nonsensical URL end the process; this one does not. */
function acceptUpgrades(server: HttpServer, webSocket: NodeWebSocket): void {
  let upgrade: UpgradeListener | undefined
  webSocket.injectWebSocket({
    on(_event: 'upgrade', listener: UpgradeListener) {
      upgrade = listener
    },
  } as unknown as HttpServer)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    upgrade?.(request, socket, head).catch(() => socket.destroy())
  })
}

/** Drops clients that are gone without a goodbye. */
function pingClients(sockets: ClientServer): () => void {
  const silent = new WeakSet<object>()
  sockets.on('connection', (client) => client.on('pong', () => silent.delete(client)))
  const timer = setInterval(() => {
    for (const client of sockets.clients) {
      if (silent.has(client)) client.terminate()
      silent.add(client)
      client.ping()
    }
  }, pingMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Closing the server waits for connections, also for those that a client keeps for a next request: these are closed as they fall idle. */
function drain(server: HttpServer, sockets: ClientServer, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
    const deadline = setTimeout(() => {
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
    }, graceMs)
    server.close(() => {
      clearInterval(closeIdle)
      clearTimeout(deadline)
      resolve()
    })
  })
}
