/** HTTP and WebSocket on Deno: `Deno.serve` and Hono's own adapter. */
import { upgradeWebSocket } from 'hono/deno'
import type { Runtime } from './runtime.ts'

/** The part of Deno that is used, for a compiler that knows Node only. */
interface DenoServe {
  serve(
    options: { port: number; hostname: string; signal: AbortSignal; onListen: () => void },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname?: string } },
    ) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly port: number }
    readonly finished: Promise<void>
    shutdown(): Promise<void>
  }
}

/** The runtime of Deno. */
export function createDenoRuntime(): Runtime {
  const deno = Reflect.get(globalThis, 'Deno') as DenoServe
  return {
    upgradeWebSocket,
    serve({ app, port, host, graceMs = 10_000 }) {
      const kill = new AbortController()
      const server = deno.serve(
        { port, hostname: host, signal: kill.signal, onListen: () => {} },
        (request, info) => app.fetch(request, { clientAddress: info.remoteAddr.hostname ?? '' }),
      )
      return Promise.resolve({
        port: server.addr.port,
        async close() {
          const deadline = setTimeout(() => kill.abort(), graceMs)
          await server.shutdown()
          clearTimeout(deadline)
          await server.finished
        },
      })
    },
  }
}
