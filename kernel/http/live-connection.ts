/** One connection of live updates: what its client says, and what it is sent. */
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { roleCovers } from '../contract/access.ts'
import type { Role } from '../contract/auth.ts'
import type { SocketHandler, TextSocket } from '../runtime/runtime.ts'
import { SharedText } from '../runtime/shared-text.ts'
import type { LiveTopic, LiveTopics, Watcher } from './live-topics.ts'
import type { Sender, SendQueue } from './send-queue.ts'

/** Topics of one connection. */
const maxTopics = 64
/** Above this a client is slow: it gets nothing until its buffer is empty enough, and then the newest state only. */
const maxBufferedBytes = 64 * 1024
const longestMessage = 4096
/** Messages of a client that may come at once: a page subscribes to what it shows, and pings. */
const messagesAtOnce = 256
/** Messages that may follow each second. */
const messagesPerSecond = 20

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

const pong = new SharedText('{"type":"pong"}')

/** What connections share. */
export interface LiveConnectionParts {
  readonly topics: LiveTopics
  readonly clock: Pick<Clock, 'now'>
  readonly queue: SendQueue
  readonly onClosed: (connection: LiveConnection) => void
  /** Least role that may watch a topic; undefined when there is no such topic. */
  readonly accessOf: (topic: string) => Role | undefined
}

/** A connection. A class, so that ten thousand of them share their methods. */
export class LiveConnection implements SocketHandler, Sender, Watcher {
  readonly #parts: LiveConnectionParts
  readonly #socket: TextSocket
  readonly #role: Role
  /** Topics of this connection, with the version that was sent last; the one that was sent last comes last. */
  readonly #sent = new Map<LiveTopic, number>()
  #isClosed = false
  /** Messages that may come now, as of `#talkedAtMs`. */
  #allowance = messagesAtOnce
  #talkedAtMs: number

  constructor(socket: TextSocket, role: Role, parts: LiveConnectionParts) {
    this.#socket = socket
    this.#role = role
    this.#parts = parts
    this.#talkedAtMs = parts.clock.now()
  }

  receive(raw: unknown): void {
    if (this.#isClosed) return
    if (!this.#mayTalk()) return this.end(1008, 'Too many messages')
    const message = messageFrom(raw)
    if (message === undefined) return this.#fail('WE-JOB-001', 'The message is not understood')
    if (message.type === 'ping') this.#reply(pong)
    else if (message.type === 'unsubscribe') this.#unsubscribe(message.topic)
    else this.#subscribe(message.topic, message.since)
  }

  /** Sends the newest state of each topic whose newest state was not sent. */
  flush(): boolean {
    for (const [topic, version] of this.#sent) {
      const { state } = topic
      if (state === undefined || state.version === version) continue
      if (this.#socket.bufferedAmount > maxBufferedBytes) return false
      // To the end, so that a slow client gets its other topics before this one again.
      this.#sent.delete(topic)
      this.#sent.set(topic, state.version)
      this.#socket.send(state.message)
    }
    return true
  }

  changed(): void {
    this.#parts.queue.add(this)
  }

  gone(topic: LiveTopic): void {
    this.#sent.delete(topic)
    this.#fail('WE-JOB-004', `Nothing is known under ${topic.name}`, topic.name)
  }

  /** Closes the socket, with a reason, and ends. */
  end(code: number, reason: string): void {
    this.#socket.close(code, reason)
    this.close()
  }

  /** The socket is gone. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#parts.queue.remove(this)
    for (const topic of this.#sent.keys()) this.#parts.topics.unwatch(topic, this)
    this.#sent.clear()
    this.#parts.onClosed(this)
  }

  /** Each message costs something, and a topic that is left and entered again a look into the database. */
  #mayTalk(): boolean {
    const nowMs = this.#parts.clock.now()
    const earned = Math.max(0, nowMs - this.#talkedAtMs) / 1000 * messagesPerSecond
    this.#allowance = Math.min(messagesAtOnce, this.#allowance + earned) - 1
    this.#talkedAtMs = nowMs
    return this.#allowance >= 0
  }

  #subscribe(name: string, since = 0): void {
    if (this.#sent.size >= maxTopics && this.#find(name) === undefined) {
      return this.#fail('WE-SYS-005', `One connection may watch ${maxTopics} topics`, name)
    }
    const needed = this.#parts.accessOf(name)
    if (needed !== undefined && !roleCovers(this.#role, needed)) {
      const message =
        `Cannot watch ${name}: it needs the role ${needed}, and yours is ${this.#role}`
      return this.#fail('WE-AUTH-003', message, name)
    }
    const topic = this.#parts.topics.watch(name, this)
    if (topic === 'unknown') return this.#fail('WE-JOB-001', `There is no topic ${name}`, name)
    if (topic === 'full') {
      return this.#fail('WE-SYS-004', 'Too many topics are watched; try again later', name)
    }
    this.#sent.set(topic, since)
    if (topic.state !== undefined) this.changed()
  }

  #unsubscribe(name: string): void {
    const topic = this.#find(name)
    if (topic === undefined) return
    this.#sent.delete(topic)
    this.#parts.topics.unwatch(topic, this)
  }

  #find(name: string): LiveTopic | undefined {
    return this.#sent.keys().find((topic) => topic.name === name)
  }

  #fail(code: string, message: string, topic?: string): void {
    const facts = topic === undefined ? {} : { topic }
    this.#reply(new SharedText(JSON.stringify({ type: 'error', code, message, ...facts })))
  }

  /** Whoever asks without reading the answers would fill the memory with them. */
  #reply(message: SharedText): void {
    if (this.#socket.bufferedAmount <= maxBufferedBytes) this.#socket.send(message)
    else this.end(1008, 'Read what you asked for')
  }
}

function messageFrom(raw: unknown): z.infer<typeof messageSchema> | undefined {
  if (typeof raw !== 'string' || raw.length > longestMessage) return undefined
  try {
    return messageSchema.safeParse(JSON.parse(raw)).data
  } catch {
    return undefined // not JSON: the same answer as for JSON that is no message
  }
}
