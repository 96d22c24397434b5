/** Messages of the Postgres protocol that a client sends, version 3: https://www.postgresql.org/docs/current/protocol-message-formats.html */
import type { WireText } from './wire-values.ts'

/** Several statements as text. */
export function queryMessage(text: string): Buffer {
  return messageOf('Q', cString(text))
}

/** Prepares a statement whose parameter types the server infers. */
export function parseMessage(name: string, text: string): Buffer {
  return messageOf('P', cString(name), cString(text), int16(0))
}

/** Binds parameters, as text, to the unnamed portal; rows come back as text. */
export function bindMessage(statement: string, values: readonly WireText[]): Buffer {
  return messageOf(
    'B',
    cString(''),
    cString(statement),
    int16(0),
    int16(values.length),
    ...values.flatMap(valueParts),
    int16(0),
  )
}

/** Asks for the columns of a prepared statement. */
export function describeMessage(statement: string): Buffer {
  return messageOf('D', Buffer.from('S'), cString(statement))
}

/** Runs the unnamed portal to its end. */
export function executeMessage(): Buffer {
  return messageOf('E', cString(''), int32(0))
}

/** Forgets a prepared statement; not an error when there is none. */
export function closeMessage(statement: string): Buffer {
  return messageOf('C', Buffer.from('S'), cString(statement))
}

/** Ends a series of messages: the server answers that it is ready, whatever failed before. */
export function syncMessage(): Buffer {
  return messageOf('S')
}

function messageOf(code: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4)
  return Buffer.concat([Buffer.from(code), int32(length), ...parts], length + 1)
}

function valueParts(value: WireText): Buffer[] {
  if (value === null) return [int32(-1)]
  const bytes = Buffer.from(value)
  return [int32(bytes.length), bytes]
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}
