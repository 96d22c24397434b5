/** HTTP and WebSocket on Node: `@hono/node-server`, and the sockets of `node-sockets.ts`. */
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { watchConnections } from './node-connections.ts'
import { createNodeSockets, isHandshake } from './node-sockets.ts'
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
      { app, port, host, graceMs = 5000, maxConnections = 20_000, idleMs = defaultIdleMs },
    ) {
      served = app
      const server = createAdaptorServer({
        fetch: (request, env) => {
          waitForApp(env as HttpBindings, idleMs)
          return answer(request, closable(env as HttpBindings))
        },
        hostname: host,
        // Node 22 does not know the option, and there `node-sockets.ts` refuses what is no handshake.
        serverOptions: { shouldUpgradeCallback: isHandshake },
      }) as HttpServer
      const connections = watchConnections(server)
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
          await connections.end(graceMs)
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
  const dropSlowBody = (timeoutMs: number) => {
    if (env.incoming.complete) return () => {}
    const timer = setTimeout(() => dropIncomplete(env), timeoutMs)
    timer.unref()
    return () => clearTimeout(timer)
  }
  return Object.assign(env, { onAnswerClosed, dropSlowBody })
}

/** Answers past the app, which waits for the body, as Node does for a head that is too slow. */
function dropIncomplete({ incoming, outgoing }: HttpBindings): void {
  if (incoming.complete) return
  const { socket } = incoming
  if (!outgoing.headersSent) {
    socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
  }
  socket.destroySoon()
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
