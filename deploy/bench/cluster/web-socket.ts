/** The least WebSocket client that is one: with ten thousand of them on the machine, the client's own work must not be what is measured. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export interface WebSocketOptions {
  /** `http://host:port` of the server. */
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** A text message; the bytes are only valid during the call. */
  readonly onText: (bytes: Buffer) => void
}

/** Connects. @throws unless the server answers 101 */
export async function openWebSocket(options: WebSocketOptions): Promise<Socket> {
  const { hostname, port } = new URL(options.url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  socket.write(handshakeOf(options))
  const rest = await afterHandshake(socket)
  const read = frameReader((opcode, payload) => {
    if (opcode === opcodes.text) options.onText(payload)
    else if (opcode === opcodes.ping) socket.write(frame(opcodes.pong, payload))
  })
  socket.on('error', () => socket.destroy())
  socket.on('data', read)
  read(rest)
  return socket
}

/** Sends a text message. */
export function sendText(socket: Socket, text: string): void {
  socket.write(frame(opcodes.text, Buffer.from(text)))
}

const opcodes = { text: 1, ping: 9, pong: 10 }

function handshakeOf({ url, path, headers }: WebSocketOptions): string {
  const lines = Object.entries({
    Host: new URL(url).host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  })
  return `GET ${path} HTTP/1.1\r\n${
    lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }\r\n`
}

/** Resolves to what came after the head of the answer. */
function afterHandshake(socket: Socket): Promise<Buffer> {
  let received = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    const onData = (data: Buffer) => {
      received = Buffer.concat([received, data])
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData)
      socket.off('error', reject)
      const status = received.toString('latin1', 9, 12)
      if (status === '101') resolve(received.subarray(end + 4))
      else reject(new Error(`the WebSocket was refused with ${status}`))
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}

/** Cuts what arrives into frames; a server's are whole and not masked. */
function frameReader(onFrame: (opcode: number, payload: Buffer) => void): (data: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0)
  return (data) => {
    let rest = pending.length === 0 ? data : Buffer.concat([pending, data])
    for (;;) {
      const size = sizeOf(rest)
      if (size === undefined || rest.length < size.head + size.payload) break
      const end = size.head + size.payload
      onFrame((rest[0] ?? 0) & 15, rest.subarray(size.head, end))
      rest = rest.subarray(end)
    }
    // A copy, so that ten thousand half frames do not each keep the whole block that they came in.
    pending = Buffer.from(rest)
  }
}

function sizeOf(bytes: Buffer): { readonly head: number; readonly payload: number } | undefined {
  const short = bytes[1]
  if (short === undefined) return undefined
  if (short < 126) return { head: 2, payload: short }
  if (short === 126) {
    return bytes.length < 4 ? undefined : { head: 4, payload: bytes.readUInt16BE(2) }
  }
  return bytes.length < 10 ? undefined : { head: 10, payload: Number(bytes.readBigUInt64BE(2)) }
}

/** A masked frame of less than 64 KiB, as clients send it. */
function frame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4)
  const head = payload.length < 126
    ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
    : Buffer.from([0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255])
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))])
}
