/** Payloads on the wire: JSON text of a bounded size, so that every adapter carries and refuses the same. */
import type { Json } from '../contract/json.ts'
import { WebEncodeError } from '../errors.ts'

/** The largest message in bytes, headers included: the brief of a stitch task with 4,000 chunks needs about 3 MiB. `max_payload` of NATS. */
export const maxMessageBytes = 8 * 1024 * 1024

/** Left for the headers of a message: its id and its version. */
const headerBytes = 1024

/** The largest payload in bytes. */
export const maxPayloadBytes = maxMessageBytes - headerBytes

/**
 * `data` as JSON text.
 * @throws TypeError when it is not JSON; WE-SYS-003 when it is larger than {@link maxPayloadBytes}
 */
export function payloadFrom(data: Json, subject: string): string {
  const text: string | undefined = JSON.stringify(data)
  if (text === undefined) throw new TypeError(`Bus data for "${subject}" must be JSON`)
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxPayloadBytes) return text
  throw new WebEncodeError(
    'WE-SYS-003',
    `Cannot send to "${subject}": ${bytes} bytes are more than ${maxPayloadBytes}`,
    { next: 'stop' },
  )
}

/** The data of a payload that {@link payloadFrom} made; a new copy at every call. */
export function dataFrom(payload: string): Json {
  return JSON.parse(payload) as Json
}
