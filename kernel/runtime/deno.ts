/** HTTP and WebSocket on Deno: `Deno.serve` and Hono's own adapter. */
import { upgradeWebSocket } from 'hono/deno'
import type { WSContext } from 'hono/ws'
import type { Runtime, Servable, SocketHandler, TextSocket, UpgradeWebSocket } from './runtime.ts'

/** The part of Deno that is used, for a compiler that knows Node only. */
interface DenoServe {
  serve(
    options: { port: number; hostname: string; signal: AbortSignal; onListen: () => void },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname?: string } },
    ) => Response | Promise<Response>,
  ): DenoServer
}
interface DenoServer {
  readonly addr: { readonly port: number }
  shutdown(): Promise<void>
}

/** The runtime of Deno. It serves one app. */
export function createDenoRuntime(): Runtime {
  const deno = Reflect.get(globalThis, 'Deno') as DenoServe
  const sockets = new Set<WSContext>()
  return {
    upgradeWebSocket: noting(sockets),
    serve({ app, port, host, graceMs = 5000 }) {
      const kill = new AbortController()
      const requests = countRequests(app)
      const options = { port, hostname: host, signal: kill.signal, onListen: () => {} }
      const server = deno.serve(
        options,
        (request, info) => requests.answer(request, info.remoteAddr.hostname ?? ''),
      )
      return Promise.resolve({
        port: server.addr.port,
        async close() {
          for (const socket of sockets) socket.close(1001, 'The server stops')
          // A server that shuts down can no longer be aborted: so first the requests, then the connections.
          const isQuiet = await within(graceMs, requests.finish())
          if (isQuiet) await within(graceMs, server.shutdown())
          else kill.abort()
        },
      })
    },
  }
}

/** Hono's upgrade, which also keeps a list of the open sockets. */
function noting(sockets: Set<WSContext>): UpgradeWebSocket {
  return (accept) =>
    upgradeWebSocket((c) => {
      const take = accept(c)
      let handler: SocketHandler | undefined
      return {
        onOpen(_event, socket) {
          sockets.add(socket)
          handler = take(textSocketFrom(socket))
        },
        onMessage: (event) => handler?.receive(event.data),
        onClose(_event, socket) {
          sockets.delete(socket)
          handler?.close()
        },
        onError: () => handler?.close(),
      }
    })
}

const open = 1

function textSocketFrom(socket: WSContext): TextSocket {
  return {
    send({ text }) {
      if (socket.readyState === open) socket.send(text)
    },
    close(code, reason) {
      if (socket.readyState === open) socket.close(code, reason)
    },
    get bufferedAmount() {
      const amount: unknown = Reflect.get(Object(socket.raw), 'bufferedAmount')
      return typeof amount === 'number' ? amount : 0
    },
  }
}

/** Answers requests and knows when the last one is answered. After `finish` was called, new ones get 503. */
function countRequests(app: Servable) {
  const quiet = Promise.withResolvers<void>()
  let running = 0
  let isFinishing = false
  const end = () => {
    if (isFinishing && running === 0) quiet.resolve()
  }
  return {
    async answer(request: Request, clientAddress: string): Promise<Response> {
      if (isFinishing) return new Response(null, { status: 503 })
      running++
      try {
        return await app.fetch(request, { clientAddress })
      } finally {
        running--
        end()
      }
    },
    finish(): Promise<void> {
      isFinishing = true
      end()
      return quiet.promise
    },
  }
}

/** True when `work` was done in time. */
async function within(timeoutMs: number, work: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
