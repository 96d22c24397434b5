/** The port behind which the runtimes differ: serving HTTP and upgrading to WebSocket. */
import type { UpgradeWebSocket } from 'hono/ws'

/** What is served; a Hono app is one. `env` becomes `c.env`. */
export interface Servable {
  fetch(request: Request, env: RuntimeEnv): Response | Promise<Response>
}

/** What the runtime tells an app about a request. Node adds its own fields. */
export interface RuntimeEnv {
  /** Address of the peer. */
  clientAddress?: string
}

export interface ServeOptions {
  readonly app: Servable
  /** 0: any free port. */
  readonly port: number
  readonly host: string
  /** How long `close` lets running requests finish. @default 10_000 */
  readonly graceMs?: number
}

/** A server that listens. */
export interface Server {
  /** The port that it listens on. */
  readonly port: number
  /** Stops listening, drops idle connections and WebSockets, and lets running requests finish within the grace time. */
  close(): Promise<void>
}

export interface Runtime {
  /** For the routes of the app that is served. */
  readonly upgradeWebSocket: UpgradeWebSocket
  /** @throws when the address cannot be listened on */
  serve(options: ServeOptions): Promise<Server>
}

/** Largest message of a client, in bytes: a WebSocket here carries commands, not data. */
export const maxMessageBytes = 64 * 1024
