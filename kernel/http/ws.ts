/** Live updates over WebSocket: who watches which topic, and sending each only the newest state. */
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../clock.ts'
import type { Reader } from '../db/database.ts'
import type { Log } from '../log.ts'
import { type LiveTopic, openTopic, topicSourceFrom, updateMessage } from './live-topic.ts'

/** The server's end of a WebSocket. */
export interface LiveSocket {
  send(text: string): void
  close(code: number, reason: string): void
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number
}

/** One connection. The owner of the socket calls these. */
export interface LiveConnection {
  /** A message of the client, as text; anything else is answered with an error. */
  receive(message: unknown): void
  /** The socket is gone. */
  close(): void
}

/** Serves live updates to any number of connections. */
export interface LiveHub {
  /**
   * Takes a connection over.
   * @param isAllowed - asked every minute; the connection is closed with 4401 when it is no longer true
   * @returns undefined when there is no room; the socket was closed with 1013
   */
  connect(socket: LiveSocket, isAllowed: () => Promise<boolean>): LiveConnection | undefined
  readonly connectionCount: number
  /** Closes every connection with 1001. */
  close(): Promise<void>
}

export interface LiveHubOptions {
  readonly bus: Bus
  readonly db: Reader
  readonly clock: Clock
  readonly log: Log
  /** @default 1000 */
  readonly maxConnections?: number
}

/** Topics of one connection. */
const maxTopics = 64
/** Above this a client is slow: it gets nothing until its buffer is empty enough, and then the newest state only. */
const maxBufferedBytes = 256 * 1024
const retryMs = 250
const recheckMs = 60_000

const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    topic: z.string().max(200),
    /** The version that the client has; it is not sent again. */
    since: z.number().optional(),
  }),
  z.strictObject({ type: z.literal('unsubscribe'), topic: z.string().max(200) }),
  z.strictObject({ type: z.literal('ping') }),
])

/** A topic and its watchers. */
interface Watched {
  readonly topic: LiveTopic
  readonly watchers: Set<Watcher>
}

/** A connection as the topics see it: told that a topic changed or is gone. */
interface Watcher {
  changed(topic: string): void
  gone(topic: string): void
}

/** Creates the hub. Topics are read once, however many watch them. */
export function createLiveHub(options: LiveHubOptions): LiveHub {
  const { clock, maxConnections = 1000 } = options
  const connections = new Set<{ shut(): void }>()
  const topics = new WatchedTopics(options)

  return {
    connect(socket, isAllowed) {
      if (connections.size >= maxConnections) {
        socket.close(1013, 'Too many connections')
        return undefined
      }
      const connection = openConnection(socket, topics, clock, () => connections.delete(entry))
      const cancelRecheck = recheck(clock, isAllowed, () => {
        socket.close(4401, 'Sign in again')
        connection.close()
      })
      const close = () => {
        cancelRecheck()
        connection.close()
      }
      const entry = {
        shut() {
          socket.close(1001, 'The server stops')
          close()
        },
      }
      connections.add(entry)
      return { receive: connection.receive, close }
    },
    get connectionCount() {
      return connections.size
    },
    async close() {
      for (const connection of connections) connection.shut()
      await topics.closeAll()
    },
  }
}

/** The topics that somebody watches; the last watcher's leaving closes one. */
class WatchedTopics {
  readonly #options: LiveHubOptions
  readonly #watched = new Map<string, Watched>()
  readonly #closing = new Set<Promise<void>>()

  constructor(options: LiveHubOptions) {
    this.#options = options
  }

  /** @returns the topic's newest state; undefined when there is no such topic */
  watch(name: string, watcher: Watcher): LiveTopic | undefined {
    const watched = this.#watched.get(name) ?? this.#open(name)
    watched?.watchers.add(watcher)
    return watched?.topic
  }

  unwatch(name: string, watcher: Watcher): void {
    const watched = this.#watched.get(name)
    if (watched?.watchers.delete(watcher) && watched.watchers.size === 0) this.#close(name, watched)
  }

  topic(name: string): LiveTopic | undefined {
    return this.#watched.get(name)?.topic
  }

  async closeAll(): Promise<void> {
    for (const [name, watched] of this.#watched) this.#close(name, watched)
    await Promise.all(this.#closing)
  }

  #open(name: string): Watched | undefined {
    const source = topicSourceFrom(name)
    if (source === undefined) return undefined
    const watchers = new Set<Watcher>()
    const topic = openTopic({
      ...this.#options,
      source,
      onChange: () => watchers.forEach((watcher) => watcher.changed(name)),
      onGone: () => [...watchers].forEach((watcher) => watcher.gone(name)),
    })
    const watched = { topic, watchers }
    this.#watched.set(name, watched)
    return watched
  }

  #close(name: string, watched: Watched): void {
    this.#watched.delete(name)
    const closing = watched.topic.close().catch((error: unknown) => {
      this.#options.log.warn('could not close a live topic', { topic: name, error })
    }).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function openConnection(
  socket: LiveSocket,
  topics: WatchedTopics,
  clock: Clock,
  onClosed: () => void,
): LiveConnection {
  /** Topics of this connection, with the version that was sent last. */
  const sent = new Map<string, number>()
  const pending = new Set<string>()
  let cancelRetry: (() => void) | undefined
  let isClosed = false

  const flush = () => {
    cancelRetry = undefined
    for (const name of pending) {
      if (socket.bufferedAmount > maxBufferedBytes) {
        cancelRetry = clock.after(retryMs, flush)
        return
      }
      pending.delete(name)
      const state = topics.topic(name)?.state
      if (state === undefined || state.version === sent.get(name)) continue
      sent.set(name, state.version)
      socket.send(updateMessage(name, state))
    }
  }
  const fail = (code: string, message: string, topic?: string) =>
    socket.send(
      JSON.stringify({ type: 'error', code, message, ...(topic === undefined ? {} : { topic }) }),
    )

  const watcher: Watcher = {
    changed(name) {
      pending.add(name)
      if (cancelRetry === undefined) flush()
    },
    gone(name) {
      forget(name)
      fail('WE-JOB-004', `Nothing is known under ${name}`, name)
    },
  }
  const forget = (name: string) => {
    sent.delete(name)
    pending.delete(name)
    topics.unwatch(name, watcher)
  }
  const subscribe = (name: string, since: number | undefined) => {
    if (!sent.has(name) && sent.size >= maxTopics) {
      return fail('WE-SYS-005', `One connection may watch ${maxTopics} topics`, name)
    }
    const topic = topics.watch(name, watcher)
    if (topic === undefined) return fail('WE-JOB-001', `There is no topic ${name}`, name)
    sent.set(name, since ?? 0)
    if (topic.state !== undefined) watcher.changed(name)
  }

  return {
    receive(raw) {
      if (isClosed) return
      const message = messageFrom(raw)
      if (message === undefined) return fail('WE-JOB-001', 'The message is not understood')
      if (message.type === 'ping') socket.send('{"type":"pong"}')
      else if (message.type === 'unsubscribe') forget(message.topic)
      else subscribe(message.topic, message.since)
    },
    close() {
      if (isClosed) return
      isClosed = true
      cancelRetry?.()
      for (const name of sent.keys()) forget(name)
      onClosed()
    },
  }
}

function messageFrom(raw: unknown): z.infer<typeof messageSchema> | undefined {
  if (typeof raw !== 'string' || raw.length > 4096) return undefined
  try {
    return messageSchema.safeParse(JSON.parse(raw)).data
  } catch {
    return undefined // not JSON: the same answer as for JSON that is no message
  }
}

/** Asks every minute. A question that cannot be answered now is asked again. */
function recheck(
  clock: Clock,
  isAllowed: () => Promise<boolean>,
  onRefused: () => void,
): () => void {
  let cancel = () => {}
  const schedule = () => {
    cancel = clock.after(recheckMs, () => {
      isAllowed().then((allowed) => allowed ? schedule() : onRefused(), schedule)
    })
  }
  schedule()
  return () => cancel()
}
