/** The envelope of a message on the wire: version and id in headers, JSON as payload. */
import type { Json } from '../contract/json.ts'
import { messageOf } from '../errors.ts'
import type { WireHeaders, WireMessage } from './wire.ts'

/** What this version writes, and the newest it reads. */
const envelopeVersion = 1

/** Absent means version 1. */
const versionHeader = 'We-Version'
/** The name is JetStream's: a stream drops a second message with the same id inside its window. */
const idHeader = 'Nats-Msg-Id'

/** A message that must not be handled, and why. */
export interface Refusal {
  readonly kind: 'unknown version' | 'not JSON' | 'no answer wanted'
  readonly reason: string
}

/** Headers of a message. */
export function envelopeHeaders(id?: string): WireHeaders {
  return { [versionHeader]: String(envelopeVersion), [idHeader]: id }
}

/** The id that the publisher gave a message. */
export function idOf(message: WireMessage): string | undefined {
  return message.header(idHeader)
}

/** The data of a message, or why it is refused: it is from a newer version, or not ours. */
export function openEnvelope(message: WireMessage): { data: Json } | { refusal: Refusal } {
  const version = message.header(versionHeader) ?? String(envelopeVersion)
  if (!/^[1-9]\d{0,8}$/.test(version) || Number(version) > envelopeVersion) {
    const shown = version.slice(0, 20)
    const reason = `version ${shown} is not one that this process reads (${envelopeVersion})`
    return { refusal: { kind: 'unknown version', reason } }
  }
  try {
    return { data: JSON.parse(decoder.decode(message.payload)) as Json }
  } catch (failure) {
    return { refusal: { kind: 'not JSON', reason: `not JSON: ${messageOf(failure)}` } }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })
