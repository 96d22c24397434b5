/** The connections of a server on Node: which of them a request is worked on for, and how all of them end. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The connections of one server. */
export interface NodeConnections {
  /**
   * Stops listening and ends every connection: at once where nothing is worked on, after a goodbye where there is a WebSocket,
   * and the others when their answer is sent, their client falls silent in the middle of a request, or the grace time is over.
   */
  end(graceMs: number): Promise<void>
}

/** What is known of one connection. */
interface Connection {
  /** Requests that are not answered yet. */
  readonly requests: Set<IncomingMessage>
  isUpgraded: boolean
  /** Bytes that had come when somebody looked last, and when that number changed. */
  bytes: number
  movedAtMs: number
}

const lookMs = 50
/** How long the client of a WebSocket may take to say goodbye too. */
const goodbyeMs = 1000
/** A client that sends nothing for so long, in the middle of a request, does not get it done before the end. */
const silentMs = 1000

/** Watches the connections of `server`, which must not have any yet. */
export function watchConnections(server: HttpServer): NodeConnections {
  const connections = new Map<Socket, Connection>()
  let isEnding = false
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { requests: new Set(), isUpgraded: false, bytes: -1, movedAtMs: 0 })
    socket.once('close', () => connections.delete(socket))
  })
  // Before the app answers, so that its answer tells the client to send no more.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const requests = connections.get(request.socket)?.requests
    requests?.add(request)
    response.once('close', () => requests?.delete(request))
    if (isEnding) response.setHeader('Connection', 'close')
  })
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    const connection = connections.get(socket)
    if (connection !== undefined) connection.isUpgraded = true
  })

  return {
    end(graceMs) {
      isEnding = true
      const startMs = performance.now()
      const look = () => {
        const nowMs = performance.now()
        for (const [socket, connection] of connections) {
          noteMoves(socket, connection, nowMs)
          const isLate = nowMs - startMs >= graceMs
          if (isLate || isOver(connection, startMs, nowMs)) socket.destroy()
        }
      }
      return new Promise((resolve) => {
        const looking = setInterval(look, lookMs)
        server.close(() => {
          clearInterval(looking)
          resolve()
        })
        look()
      })
    },
  }
}

function noteMoves(socket: Socket, connection: Connection, nowMs: number): void {
  if (connection.bytes === socket.bytesRead) return
  connection.bytes = socket.bytesRead
  connection.movedAtMs = nowMs
}

function isOver({ requests, isUpgraded, movedAtMs }: Connection, startMs: number, nowMs: number) {
  if (isUpgraded) return nowMs - startMs >= goodbyeMs
  if (requests.size === 0) return true
  // What came and was not read yet is for us to read, and not for the client to follow up.
  const isArriving = requests.values().some((request) =>
    !request.complete && request.readableLength === 0
  )
  return isArriving && nowMs - movedAtMs >= silentMs
}
