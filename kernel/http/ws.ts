/** Live updates over WebSocket: the connections of a kernel, how many there may be, and their end. */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../clock.ts'
import type { Reader } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { SocketHandler, TextSocket } from '../runtime/runtime.ts'
import { Admissions, type Permission } from './admissions.ts'
import { LiveConnection } from './live-connection.ts'
import { topicAccess, type TopicFamily } from './live-topic.ts'
import { LiveTopics } from './live-topics.ts'
import { SendQueue } from './send-queue.ts'

/**
 * One user gets no more than this part of the connections, so that the others can still watch. One token of a program that
 * watches ten thousand jobs fits below it.
 */
const shareOfUser = 7 / 8

/** Serves live updates to any number of connections. */
export interface LiveHub {
  /**
   * Takes a connection over.
   * @param permission - asked every minute; the connection is closed with 4401 when it is no longer valid
   * @returns undefined when there is no room (see {@link LiveHub.lacksRoom}); the socket was closed with 1013
   */
  connect(socket: TextSocket, permission: Permission): SocketHandler | undefined
  readonly connectionCount: number
  /** Says that a topic changed, when the bus does not. */
  announce(topic: string): void
  /** Why there is no room for another connection of the user: there are too many of all, or of this one; undefined when there is. */
  lacksRoom(userId: string): 'all' | 'user' | undefined
  /** Connections that one user may have. */
  readonly maxConnectionsOfUser: number
  /** Closes every connection with 1001. */
  close(): Promise<void>
}

export interface LiveHubOptions {
  readonly bus: Bus
  readonly db: Reader
  readonly clock: Clock
  readonly log: Log
  /** Of which one user gets {@link shareOfUser}. @default 12_000 */
  readonly maxConnections?: number
  /** Topics that are watched at the same time; the newest state of each is kept in memory. @default 20_000 */
  readonly maxTopics?: number
  /** Kinds of topics beside those of the database. */
  readonly families?: readonly TopicFamily[]
}

/** Creates the hub. Topics are read once, however many watch them. */
export function createLiveHub(options: LiveHubOptions): LiveHub {
  const { clock, log, maxConnections = 12_000, maxTopics = 20_000 } = options
  const admissions = new Admissions<LiveConnection>(
    clock,
    (connection) => connection.end(4401, 'Sign in again'),
    (error) => log.warn('cannot ask whether a WebSocket may stay open', { error }),
  )
  const parts = {
    topics: new LiveTopics({ ...options, maxTopics }),
    clock,
    queue: new SendQueue(clock),
    onClosed: (connection: LiveConnection) => admissions.remove(connection),
    accessOf: (topic: string) => topicAccess(topic, options.families),
  }

  const maxConnectionsOfUser = Math.ceil(maxConnections * shareOfUser)
  const lacksRoom = (userId: string) => {
    if (admissions.size >= maxConnections) return 'all'
    return admissions.countOf(userId) >= maxConnectionsOfUser ? 'user' : undefined
  }

  return {
    connect(socket, permission) {
      if (lacksRoom(permission.userId) !== undefined) {
        socket.close(1013, 'Too many connections')
        return undefined
      }
      const connection = new LiveConnection(socket, permission.role, parts)
      admissions.add(permission, connection)
      return connection
    },
    announce: (topic) => parts.topics.announce(topic),
    get connectionCount() {
      return admissions.size
    },
    lacksRoom,
    maxConnectionsOfUser,
    async close() {
      admissions.close()
      for (const connection of admissions.members) connection.end(1001, 'The server stops')
      await parts.topics.close()
    },
  }
}
