/** A TCP proxy that a check can make misbehave: it passes, cuts, stalls, and cuts PostgreSQL in the middle of a COMMIT. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** `stall`: connections stay open and nothing gets through, as when a cable is pulled. `cut`: they are reset, and new ones too. */
export type ProxyMode = 'pass' | 'cut' | 'stall'

/** When a COMMIT goes by: cut before it reaches the server, or when its answer comes back. */
export type CommitCut = 'before' | 'after'

const commit = /COMMIT/i

/** One way to one server. */
export class FaultyProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #mode: ProxyMode = 'pass'
  #commitCut: CommitCut | undefined
  /** Cuts at a COMMIT that happened. */
  commitsCut = 0

  private constructor(target: { readonly port: number }) {
    this.#server = createServer((client) => this.#connect(client, target.port))
  }

  /** @param targetPort - of 127.0.0.1 @param host - address to listen on */
  static async start(targetPort: number, host = '127.0.0.1'): Promise<FaultyProxy> {
    const proxy = new FaultyProxy({ port: targetPort })
    proxy.#server.listen(0, host)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  set(mode: ProxyMode): void {
    this.#mode = mode
    for (const [client, server] of this.#pairs) {
      if (mode === 'cut') reset(client, server)
      else if (mode === 'stall') { for (const socket of [client, server]) socket.pause() }
      else for (const socket of [client, server]) socket.resume()
    }
  }

  /** Cuts the connection of the next COMMIT that goes by. */
  cutNextCommit(when: CommitCut): void {
    this.#commitCut = when
  }

  async close(): Promise<void> {
    this.set('cut')
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(client: Socket, port: number): void {
    if (this.#mode === 'cut') return void client.resetAndDestroy()
    const server = connect({ host: '127.0.0.1', port })
    const pair = [client, server] as const
    this.#pairs.add(pair)
    let isCommitting = false
    client.on('data', (chunk) => {
      if (this.#commitCut !== undefined && commit.test(chunk.toString('latin1'))) {
        if (this.#commitCut === 'before') return this.#cutCommit(pair)
        isCommitting = true
      }
      pass(chunk, client, server)
    })
    server.on('data', (chunk) => {
      if (isCommitting) return this.#cutCommit(pair)
      pass(chunk, server, client)
    })
    for (const [socket, other] of [[client, server], [server, client]] as const) {
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        other.destroy()
        this.#pairs.delete(pair)
      })
      if (this.#mode === 'stall') socket.pause()
    }
  }

  #cutCommit(pair: readonly [Socket, Socket]): void {
    this.#commitCut = undefined
    this.commitsCut++
    reset(...pair)
  }
}

function pass(chunk: Buffer, from: Socket, to: Socket): void {
  if (to.write(chunk)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function reset(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.resetAndDestroy()
}
