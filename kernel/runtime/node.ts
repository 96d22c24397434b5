/** HTTP and WebSocket on Node: `@hono/node-server`, and the sockets of `node-sockets.ts`. */
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createNodeSockets } from './node-sockets.ts'
import type { Runtime, RuntimeEnv, Servable } from './runtime.ts'

/** A connection on which nothing moves for this long is dropped, unless it waits for the app. */
const defaultIdleMs = 120_000
/** The app may be silent for as many idle times, an hour by default: joining a large upload on a slow disk takes long. */
const idleTimesOfApp = 30

/** The runtime of Node. It serves one app. */
export function createNodeRuntime(): Runtime {
  let served: Servable | undefined
  const answer = (request: Request, env: HttpBindings & RuntimeEnv) => {
    env.clientAddress = env.incoming.socket.remoteAddress ?? ''
    return served?.fetch(request, env) ?? new Response(null, { status: 503 })
  }
  const sockets = createNodeSockets()

  return {
    upgradeWebSocket: sockets.upgradeWebSocket,
    async serve(
      { app, port, host, graceMs = 10_000, maxConnections = 20_000, idleMs = defaultIdleMs },
    ) {
      served = app
      const server = createAdaptorServer({
        fetch: (request, env) => {
          waitForApp(env as HttpBindings, idleMs)
          return answer(request, closable(env as HttpBindings))
        },
        hostname: host,
      }) as HttpServer
      server.maxConnections = maxConnections
      // An upload may take hours; a silent connection may not.
      server.requestTimeout = 0
      server.timeout = idleMs
      sockets.attach(server, answer)
      await listen(server, port, host)
      return {
        port: (server.address() as AddressInfo).port,
        async close() {
          sockets.close()
          await drain(server, graceMs, sockets.terminate)
        },
      }
    },
  }
}

/** A client that has sent all and has no answer yet is not the one who is silent. */
function waitForApp({ incoming, outgoing }: HttpBindings, idleMs: number): void {
  let left = idleTimesOfApp
  outgoing.on('timeout', (socket: Socket) => {
    if (!incoming.complete || outgoing.headersSent || left-- === 0) return void socket.destroy()
    socket.setTimeout(idleMs)
  })
}

function closable(env: HttpBindings): HttpBindings & RuntimeEnv {
  const onAnswerClosed = (listener: () => void) => {
    if (env.outgoing.destroyed) listener()
    else env.outgoing.once('close', listener)
  }
  return Object.assign(env, { onAnswerClosed })
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

/** Closing the server waits for connections, also for those that a client keeps for a next request: these are closed as they fall idle. */
function drain(server: HttpServer, graceMs: number, terminateSockets: () => void): Promise<void> {
  return new Promise((resolve) => {
    const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
    const deadline = setTimeout(() => {
      terminateSockets()
      server.closeAllConnections()
    }, graceMs)
    server.close(() => {
      clearInterval(closeIdle)
      clearTimeout(deadline)
      resolve()
    })
  })
}
