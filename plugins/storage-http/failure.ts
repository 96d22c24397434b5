/** What goes wrong with web servers, in the words of the storage port. */
import { WebEncodeError } from '../../kernel/errors.ts'

/** A refusal of the guard, or a network that fails. Anything else is returned as it is. */
export function storageFailure(failure: unknown): unknown {
  if (!(failure instanceof WebEncodeError) || failure.code !== 'WE-JOB-002') return failure
  const code = failure.next === 'retry' ? 'WE-STO-004' : 'WE-STO-002'
  return new WebEncodeError(code, failure.message, { cause: failure })
}

/** An answer that has no object in it. @param place - the address without its query, which may be a signature */
export function statusFailure(status: number, place: string): WebEncodeError {
  const problem = `Cannot read ${place}: the server answers with status ${status}`
  if (status === 404 || status === 410) return new WebEncodeError('WE-STO-001', problem)
  if (status === 416) return new WebEncodeError('WE-STO-005', problem)
  const isOurs = status >= 400 && status < 500 && !passing.has(status)
  return new WebEncodeError(isOurs ? 'WE-STO-002' : 'WE-STO-004', problem)
}

/** Refusals of today that may be none tomorrow: a slow request, one too early, too many of them. */
const passing = new Set([408, 425, 429])
