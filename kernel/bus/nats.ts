/** The bus on NATS JetStream, over a WebSocket. The only file that knows `nats.ws`. */
import {
  connect,
  type ConnectionOptions,
  ErrorCode,
  Events,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  type Status,
  type Subscription,
} from 'nats.ws'
import { messageOf, WebEncodeError } from '../errors.ts'
import { type Credentials, isExposed, reconnectDelayMs } from './nats-address.ts'
import { NatsBus } from './nats-bus.ts'
import { type NatsSettings, natsSettingsFrom, type OpenNatsBusOptions } from './nats-settings.ts'
import { NatsSockets } from './nats-socket.ts'
import { maxMessageBytes } from './payload.ts'
import { type Wire, WireFailure, type WireFault } from './wire.ts'
import type { WireHeaders, WireMessage, WireSubscription } from './wire.ts'

const attemptTimeoutMs = 5_000
const flushTimeoutMs = 5_000
/** Problems remembered between two connections, so that each is logged once. */
const rememberedAtMost = 1_000

/**
 * Connects, makes the streams, and keeps the connection for ever.
 * @throws TypeError when the URL is no address; WE-SYS-003 when no server answers in time, the credentials are refused,
 * or the server lacks what the bus needs
 */
export async function openNatsBus(options: OpenNatsBusOptions): Promise<NatsBus> {
  const settings = natsSettingsFrom(options)
  const wire = await openWire(settings)
  const bus = new NatsBus({ ...settings, wire })
  try {
    await bus.start()
    return bus
  } catch (failure) {
    await bus.close()
    throw failure
  }
}

/** Whether the connection stands, and since when it does not. */
interface Link {
  isUp: boolean
  downSince: number
}

/** Tries to connect until the time is over. */
async function openWire(options: NatsSettings): Promise<NatsWire> {
  const { servers, clock, log, openTimeoutMs } = options
  for (const server of servers.filter(isExposed)) {
    log.warn('what is sent to NATS is not encrypted; use wss://', { server })
  }
  const startedAt = clock.now()
  for (;;) {
    const sockets = new NatsSockets()
    const link: Link = { isUp: true, downSince: startedAt }
    try {
      const connection = await connect(connectionOptions(options, sockets, link))
      await checkServer(connection)
      log.info('connected to NATS', { servers, version: connection.info?.version })
      return new NatsWire(connection, { ...options, sockets, link })
    } catch (failure) {
      sockets.close()
      const error = openError(servers, failure)
      const goneMs = clock.now() - startedAt
      if (error.next === 'stop' || goneMs >= openTimeoutMs) throw error
      await clock.sleep(reconnectDelayMs(goneMs, Math.random()))
    }
  }
}

function connectionOptions(options: NatsSettings, sockets: NatsSockets, link: Link) {
  const { servers, credentials, inboxPrefix, name, pingIntervalMs, clock } = options
  const wsFactory = async (server: string) => ({
    socket: sockets.open(server),
    encrypted: server.startsWith('wss:'),
  })
  return {
    servers: [...servers],
    name,
    inboxPrefix,
    timeout: attemptTimeoutMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    // Inner addresses of a cluster are of no use outside it; the one we were given leads to a living server.
    ignoreClusterUpdates: true,
    // Credentials that are refused now may be accepted when the server has read its configuration again.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    reconnectDelayHandler: () =>
      reconnectDelayMs(link.isUp ? 0 : clock.now() - link.downSince, Math.random()),
    wsFactory,
    ...signInOptions(credentials),
  } satisfies ConnectionOptions & { wsFactory: unknown }
}

function signInOptions(
  credentials: Credentials | undefined,
): { user?: string; pass?: string; token?: string } {
  if (credentials === undefined) return {}
  if ('token' in credentials) return { token: credentials.token }
  return { user: credentials.user, pass: credentials.password }
}

/** Closes a connection to a server that lacks something. @throws WireFailure */
async function checkServer(connection: NatsConnection): Promise<void> {
  const { jetstream = false, max_payload: most = 0 } = connection.info ?? {}
  const lack = !jetstream
    ? 'it runs without JetStream; add jetstream {} to its configuration'
    : most < maxMessageBytes
    ? `it takes messages of ${most} bytes; set max_payload: 8MB in its configuration`
    : undefined
  if (lack === undefined) return
  await connection.close()
  throw new WireFailure('unfit', lack)
}

function openError(servers: readonly string[], failure: unknown): WebEncodeError {
  const reason = wireFailureFrom(failure)
  const isFinal = reason.fault === 'forbidden' || reason.fault === 'unfit'
  return new WebEncodeError(
    'WE-SYS-003',
    `Cannot use NATS at ${servers.join(' or ')}: ${reason.message}`,
    { next: isFinal ? 'stop' : 'retry', cause: failure },
  )
}

type WireParts = Pick<NatsSettings, 'clock' | 'log' | 'inboxPrefix'> & {
  readonly sockets: NatsSockets
  readonly link: Link
}

/** A connection of `nats.ws`. */
class NatsWire implements Wire {
  readonly #connection: NatsConnection
  readonly #parts: WireParts
  readonly #reconnected = new Set<() => void>()
  readonly #problems = new Set<string>()

  constructor(connection: NatsConnection, parts: WireParts) {
    this.#connection = connection
    this.#parts = parts
    void this.#watch()
  }

  isConnected(): boolean {
    return this.#parts.link.isUp
  }

  newInbox(): string {
    return `${this.#parts.inboxPrefix}.${crypto.randomUUID()}`
  }

  send(
    subject: string,
    payload: string,
    options: { reply?: string; headers?: WireHeaders } = {},
  ): void {
    this.#checkReady()
    const { reply } = options
    try {
      this.#connection.publish(subject, payload, {
        ...(reply === undefined ? {} : { reply }),
        ...headersOf(options.headers),
      })
    } catch (failure) {
      throw wireFailureFrom(failure)
    }
  }

  /** Called in the same turn of the event loop as `send`, both leave in one frame. */
  flush(): Promise<void> {
    return this.#within(flushTimeoutMs, () => this.#connection.flush())
  }

  async request(
    subject: string,
    payload: string,
    { timeoutMs, ...options }: { timeoutMs: number; headers?: WireHeaders },
  ): Promise<WireMessage> {
    this.#checkReady()
    try {
      return messageFrom(
        await this.#connection.request(subject, payload, {
          timeout: timeoutMs,
          ...headersOf(options.headers),
        }),
      )
    } catch (failure) {
      const { fault, message } = wireFailureFrom(failure)
      const text = fault === 'timed out' ? `no reply within ${timeoutMs} ms` : message
      throw new WireFailure(fault, text, failure)
    }
  }

  async subscribe(
    filter: string,
    onMessage: (message: WireMessage) => void,
    queue?: string,
  ): Promise<WireSubscription> {
    this.#checkReady()
    let refusal: NatsError | undefined
    const subscription = this.#connection.subscribe(filter, {
      callback: (error, message) => {
        if (error === null) this.#receive(message, onMessage)
        else refusal = error
      },
      ...(queue === undefined ? {} : { queue }),
    })
    try {
      await this.flush()
    } catch (failure) {
      subscription.unsubscribe()
      throw failure
    }
    if (refusal !== undefined) throw wireFailureFrom(refusal)
    return { drain: () => this.#drain(subscription) }
  }

  onReconnected(listener: () => void): () => void {
    this.#reconnected.add(listener)
    return () => this.#reconnected.delete(listener)
  }

  async close(): Promise<void> {
    const { link, sockets } = this.#parts
    if (link.isUp) await this.flush().catch(() => {})
    link.isUp = false
    await this.#connection.close()
    sockets.close()
  }

  /** Nothing is kept for a connection that is lost, and no more than it can carry for one that stands. */
  #checkReady(): void {
    const { link, sockets } = this.#parts
    if (!link.isUp) throw new WireFailure('disconnected', 'there is no connection to NATS')
    if (sockets.isCongested) throw new WireFailure('congested', 'NATS takes messages too slowly')
  }

  async #within(timeoutMs: number, action: () => Promise<void>): Promise<void> {
    this.#checkReady()
    const { promise, reject } = Promise.withResolvers<never>()
    const cancel = this.#parts.clock.after(
      timeoutMs,
      () => reject(new WireFailure('timed out', `no sign of NATS within ${timeoutMs} ms`)),
    )
    try {
      await Promise.race([action(), promise])
    } catch (failure) {
      throw wireFailureFrom(failure)
    } finally {
      cancel()
    }
  }

  /** An exception would end the reader of the connection without a word. */
  #receive(message: Msg, onMessage: (message: WireMessage) => void): void {
    try {
      onMessage(messageFrom(message))
    } catch (error) {
      this.#parts.log.error('cannot take a message', { subject: message.subject, error })
    }
  }

  async #drain(subscription: Subscription): Promise<void> {
    try {
      await this.#within(flushTimeoutMs, () => subscription.drain())
    } catch {
      subscription.unsubscribe()
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === Events.Disconnect) this.#lose()
      else if (status.type === Events.Reconnect) this.#recover()
      else if (status.type === Events.Error) this.#complain(status)
    }
  }

  #lose(): void {
    const { link, log, clock } = this.#parts
    if (!link.isUp) return
    link.isUp = false
    link.downSince = clock.now()
    log.warn('lost the connection to NATS')
  }

  #recover(): void {
    const { link, log, clock } = this.#parts
    if (link.isUp) return
    link.isUp = true
    this.#problems.clear()
    log.info('connected to NATS again', {
      afterMs: clock.now() - link.downSince,
      version: this.#connection.info?.version,
    })
    for (const listener of this.#reconnected) listener()
  }

  /** What the server refused, once. */
  #complain({ data, permissionContext }: Status): void {
    const key = JSON.stringify([data, permissionContext])
    if (this.#problems.has(key) || this.#problems.size >= rememberedAtMost) return
    this.#problems.add(key)
    this.#parts.log.error('NATS refused something', { code: data, ...permissionContext })
  }
}

function messageFrom(message: Msg): WireMessage {
  const read = readHeaders(message)
  return {
    subject: message.subject,
    payload: message.data,
    reply: message.reply === '' ? undefined : message.reply,
    status: read === 'malformed' ? undefined : read?.code || undefined,
    header: (name) => read === 'malformed' ? read : read?.get(name) || undefined,
  }
}

/** A stranger may write headers that the client cannot read. */
function readHeaders(message: Msg): MsgHdrs | 'malformed' | undefined {
  try {
    return message.headers
  } catch {
    return 'malformed'
  }
}

function headersOf(given: WireHeaders = {}): { headers?: MsgHdrs } {
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  if (set.length === 0) return {}
  const built = headers()
  for (const [name, value] of set) built.set(name, value ?? '')
  return { headers: built }
}

const faults: Readonly<Record<string, { readonly fault: WireFault; readonly message: string }>> = {
  [ErrorCode.NoResponders]: { fault: 'no responders', message: 'nobody listens' },
  [ErrorCode.Timeout]: { fault: 'timed out', message: 'no reply in time' },
  [ErrorCode.MaxPayloadExceeded]: { fault: 'too large', message: 'the message is too large' },
  [ErrorCode.ConnectionClosed]: { fault: 'closed', message: 'the connection is closed' },
  [ErrorCode.Disconnect]: { fault: 'disconnected', message: 'the connection was lost' },
  [ErrorCode.AuthorizationViolation]: {
    fault: 'forbidden',
    message: 'it refused the credentials',
  },
}

/** The WebSocket of the runtime often says nothing. */
const unreachable = 'it cannot be reached'

function wireFailureFrom(failure: unknown): WireFailure {
  if (failure instanceof WireFailure) return failure
  if (!(failure instanceof NatsError)) {
    return new WireFailure('failed', messageOf(failure) || unreachable, failure)
  }
  if (failure.isPermissionError()) return new WireFailure('forbidden', failure.message, failure)
  const { fault, message } = faults[failure.code] ??
    { fault: 'failed', message: failure.message || unreachable }
  return new WireFailure(fault, message, failure)
}
