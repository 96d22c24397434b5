/** The WebSockets of one NATS connection: owned here, so that none outlives it and none is waited for without end. */
import { WireFailure } from './wire.ts'

/** Bytes that may wait in the socket before sending is refused. */
const queuedAtMost = 64 * 1024 * 1024

/**
 * A socket that the client library may give up at any time. Before it closes one, the library waits until nothing is
 * queued, which over a half-open connection takes for ever; closing sends what is queued first in any case.
 */
class NatsSocket extends WebSocket {
  override get bufferedAmount(): number {
    return 0
  }

  get queuedBytes(): number {
    return super.bufferedAmount
  }
}

/** Opens one socket after the other and closes the last. */
export class NatsSockets {
  #last: NatsSocket | undefined
  #isClosed = false

  /** @throws WireFailure after {@link close}: an attempt to reconnect was under way */
  open(url: string): WebSocket {
    if (this.#isClosed) throw new WireFailure('closed', 'the connection is closed')
    this.#last = new NatsSocket(url)
    return this.#last
  }

  get isCongested(): boolean {
    return (this.#last?.queuedBytes ?? 0) > queuedAtMost
  }

  close(): void {
    this.#isClosed = true
    this.#last?.close()
  }
}
