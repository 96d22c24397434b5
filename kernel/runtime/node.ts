/** HTTP and WebSocket on Node: `@hono/node-server`, and the sockets of `node-sockets.ts`. */
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bodyChunksOf } from './node-body.ts'
import { createNodeSockets } from './node-sockets.ts'
import type { Runtime, RuntimeEnv, Servable } from './runtime.ts'

/** A connection on which nothing moves for this long is dropped. */
const idleMs = 120_000

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
    async serve({ app, port, host, graceMs = 10_000, maxConnections = 20_000 }) {
      served = app
      const server = createAdaptorServer({
        fetch: (request, env) => answer(request, withOwnWays(env as HttpBindings)),
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

/** Adds what Node does in a way of its own. */
function withOwnWays(env: HttpBindings): HttpBindings & RuntimeEnv {
  const onAnswerClosed = (listener: () => void) => {
    if (env.outgoing.destroyed) listener()
    else env.outgoing.once('close', listener)
  }
  const bodyChunks = () => bodyChunksOf(env.incoming)
  return Object.assign(env, { onAnswerClosed, bodyChunks })
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
