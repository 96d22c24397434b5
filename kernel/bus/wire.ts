/** The port to a NATS connection: what the bus needs of a client library, so that only `nats.ts` knows which one it is. */

/** Why a {@link Wire} could not do what it was asked. */
export type WireFault =
  | 'closed'
  | 'disconnected'
  | 'congested'
  | 'forbidden'
  | 'no responders'
  | 'timed out'
  | 'too large'
  | 'unfit'
  | 'failed'

/** A failure of the connection; the bus turns it into a WE-SYS-003 that names the action. */
export class WireFailure extends Error {
  override readonly name = 'WireFailure'
  readonly fault: WireFault

  constructor(fault: WireFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}

/** Header names and values; a header that is undefined is not sent. */
export type WireHeaders = Readonly<Record<string, string | undefined>>

/** A message as it came. */
export interface WireMessage {
  readonly subject: string
  readonly payload: Uint8Array
  /** Where an answer goes; undefined when none is asked for. */
  readonly reply: string | undefined
  /** Status of a protocol message without data (408 = the pull expired); undefined for others. */
  readonly status: number | undefined
  header(name: string): string | undefined
}

export interface WireSubscription {
  /** Ends it after what the server has already sent was handed over. */
  drain(): Promise<void>
}

/** One connection that reconnects for ever; its subscriptions come back with it. */
export interface Wire {
  isConnected(): boolean
  /** A subject that only this connection listens to, below its inbox prefix. */
  newInbox(): string
  /** Hands a message to the connection. @throws WireFailure unless it is connected and keeps up */
  send(
    subject: string,
    payload: string,
    options?: { reply?: string; headers?: WireHeaders },
  ): void
  /** Resolves when the server has taken everything sent before. @throws WireFailure */
  flush(): Promise<void>
  /** @throws WireFailure at once when nobody listens, else after `timeoutMs` */
  request(
    subject: string,
    payload: string,
    options: { timeoutMs: number; headers?: WireHeaders },
  ): Promise<WireMessage>
  /**
   * Resolves when the server knows of it. `onMessage` must not throw.
   * @param queue - each message goes to one subscriber of the queue
   * @throws WireFailure when disconnected or not permitted
   */
  subscribe(
    filter: string,
    onMessage: (message: WireMessage) => void,
    queue?: string,
  ): Promise<WireSubscription>
  /** Calls `listener` after each reconnection, until the returned function is called. */
  onReconnected(listener: () => void): () => void
  /** Sends what is on its way, then ends the connection; never takes longer than a few seconds. */
  close(): Promise<void>
}
