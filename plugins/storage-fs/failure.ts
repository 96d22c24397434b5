/** Failures of the file system in the words of the storage port. */
import { type ErrorCode, messageOf, WebEncodeError } from '../../kernel/errors.ts'

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'WE-STO-001',
  ENOTDIR: 'WE-STO-001',
  EISDIR: 'WE-STO-002',
  EEXIST: 'WE-STO-002',
  EACCES: 'WE-STO-002',
  EPERM: 'WE-STO-002',
  ELOOP: 'WE-STO-002',
  ENAMETOOLONG: 'WE-STO-002',
  ENOSPC: 'WE-STO-003',
  EDQUOT: 'WE-STO-003',
  EFBIG: 'WE-STO-003',
}

/** The system's name of a failure, e.g. `ENOENT`; undefined for anything else. */
export function systemCode(failure: unknown): string | undefined {
  const code: unknown = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

export function isDiskFull(failure: unknown): boolean {
  return codes[systemCode(failure) ?? ''] === 'WE-STO-003'
}

/**
 * The failure as a WebEncodeError; errors that are not the file system's are returned as they are.
 * @param action - what was being done, as in `Cannot <action>`; names a key, never a path of this machine
 */
export function storageFailure(failure: unknown, action: string): unknown {
  if (failure instanceof WebEncodeError) return failure
  const system = systemCode(failure)
  if (system === undefined || !/^E[A-Z0-9]+$/.test(system)) return failure
  const code = codes[system] ?? 'WE-STO-004'
  const reason = messageOf(failure).split(',')[0] ?? system
  return new WebEncodeError(code, `Cannot ${action}: ${reason}`, { cause: failure })
}

/** @throws WE-STO-002 always: the path or URL may not be used, for the reason given. */
export function deny(action: string, reason: string): never {
  throw new WebEncodeError('WE-STO-002', `Cannot ${action}: ${reason}`)
}
