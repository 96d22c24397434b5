/** What a failure of the connection or of JetStream becomes for the caller of the bus. */
import { messageOf, WebEncodeError } from '../errors.ts'
import { isJetStreamError, jetStreamCodes } from './jetstream.ts'
import { WireFailure } from './wire.ts'

/** WE-SYS-003 that names the action; a {@link WebEncodeError} stays what it is. */
export function busError(action: string, failure: unknown): WebEncodeError {
  if (failure instanceof WebEncodeError) return failure
  return new WebEncodeError('WE-SYS-003', `Cannot ${action}: ${messageOf(failure)}`, {
    ...(isFinal(failure) ? { next: 'stop' } : {}),
    cause: failure,
  })
}

/** A later attempt fails in the same way. */
function isFinal(failure: unknown): boolean {
  if (failure instanceof WireFailure) return ['forbidden', 'too large'].includes(failure.fault)
  return isJetStreamError(failure, jetStreamCodes.messageTooLarge)
}
