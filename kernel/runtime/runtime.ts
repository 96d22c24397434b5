/** The port behind which the runtimes differ: serving HTTP and upgrading to WebSocket. */
import type { Context, MiddlewareHandler } from 'hono'
import type { SharedText } from './shared-text.ts'

/** What is served; a Hono app is one. `env` becomes `c.env`. */
export interface Servable {
  fetch(request: Request, env: RuntimeEnv): Response | Promise<Response>
}

/** What the runtime tells an app about a request. Node adds its own fields. */
export interface RuntimeEnv {
  /** Address of the peer. */
  clientAddress?: string
  /**
   * Calls `listener` when the answer was sent or its client has gone, and at once when it has already. Absent where the
   * body of every answer is read or cancelled: Node forgets it when the client goes before the first byte.
   */
  onAnswerClosed?: (listener: () => void) => void
  /**
   * Drops the client, with 408, when its body is not all there by then. Absent on Deno, which has no such timer and no
   * way to end one connection.
   * @returns forgives it: the body is not needed any more
   */
  dropSlowBody?: (timeoutMs: number) => () => void
}

export interface ServeOptions {
  readonly app: Servable
  /** 0: any free port. */
  readonly port: number
  readonly host: string
  /** How long `close` lets running requests finish, in milliseconds. @default 5000: Docker kills after ten seconds, and more than this has to stop */
  readonly graceMs?: number
  /** Connections that are open at the same time, WebSockets included; more are dropped at once. Deno sets no limit. @default 20_000 */
  readonly maxConnections?: number
  /** Milliseconds after which a connection is dropped whose client is silent. Deno drops none. @default 120_000 */
  readonly idleMs?: number
}

/** A server that listens. */
export interface Server {
  /** The port that it listens on. */
  readonly port: number
  /** Stops listening, drops idle connections and WebSockets, and lets running requests finish within the grace time. */
  close(): Promise<void>
}

/** The server's end of a WebSocket. */
export interface TextSocket {
  /** Nothing happens when the socket is no longer open. */
  send(message: SharedText): void
  close(code: number, reason: string): void
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number
}

/** Whom a socket's events go to. */
export interface SocketHandler {
  /** A message of the client: a string, or something else when it was binary. */
  receive(message: unknown): void
  /** The socket is gone. It may be told twice. */
  close(): void
}

/** Takes an open socket over; undefined when nobody wants it, and then it was closed. */
export type TakeSocket = (socket: TextSocket) => SocketHandler | undefined

/**
 * Answers a handshake. `accept` looks at the request, and what it returns gets the socket once it is open; it must not
 * keep the request, which would stay in memory for as long as the socket.
 */
export type UpgradeWebSocket = (accept: (c: Context) => TakeSocket) => MiddlewareHandler

export interface Runtime {
  /** For the routes of the app that is served. */
  readonly upgradeWebSocket: UpgradeWebSocket
  /** @throws when the address cannot be listened on */
  serve(options: ServeOptions): Promise<Server>
}

/** Largest message of a client, in bytes: a WebSocket here carries commands, not data. */
export const maxMessageBytes = 64 * 1024
