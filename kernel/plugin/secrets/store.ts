/** What a store of secrets can do, and what a secret may be called. */
import type { SecretResolver } from '../../contract/plugin.ts'
import { WebEncodeError } from '../../errors.ts'

/** A secret without its value. */
export interface SecretName {
  /** What configurations refer to it by: `secret/webencode/s3/access_key`. */
  readonly name: string
  /** ISO 8601; null where the store does not say. */
  readonly updatedAt: string | null
}

/**
 * Keeps secrets. Values go in by `put` and out by `resolve`, which only plugins are given; no failure names one.
 * Every call may fail with WE-SYS-004 when the store cannot be reached now.
 */
export interface SecretStore extends SecretResolver {
  /** `openbao`: a server of its own; names are mount/path/field there, and its key is its own business. */
  readonly kind: 'sealed' | 'openbao'
  /** Names only, sorted. */
  list(): Promise<readonly SecretName[]>
  /** Makes or replaces one. @throws WE-PLG-003 when name or value cannot be kept */
  put(name: string, value: string): Promise<void>
  /** @throws WE-PLG-003 when there is none under that name */
  remove(name: string): Promise<void>
  /** Seals everything anew under a new key and forgets the old one. @throws WE-PLG-003 where that is the server's own business */
  rotate(): Promise<void>
}

/** Longest value in characters: a private key or a file of credentials, no document. */
export const longestSecret = 65_536
/** Most secrets that one store lists. */
export const mostSecrets = 1000

/** Words of letters, digits, `_`, `-` and inner dots, joined by slashes; 200 characters at most. JSON takes one of them for itself. */
export const secretNamePattern =
  /^(?=.{1,200}$)(?!__proto__$)[\w-]+(\.[\w-]+)*(\/[\w-]+(\.[\w-]+)*)*$/

/** @throws WE-PLG-003 when nothing can be called so */
export function checkSecretName(name: string): void {
  if (secretNamePattern.test(name)) return
  throw new WebEncodeError(
    'WE-PLG-003',
    `The name of a secret must be words of letters, digits, "_", "-" and "." joined by "/", 200 characters at most, found ${
      JSON.stringify(name.slice(0, 200))
    }`,
    { path: 'name' },
  )
}

/** @throws WE-PLG-003 when it is empty or too long */
export function checkSecretValue(name: string, value: string): void {
  if (value.length > 0 && value.length <= longestSecret) return
  throw new WebEncodeError(
    'WE-PLG-003',
    `Cannot keep the secret "${name}": its value must have 1 to ${longestSecret} characters, found ${value.length}`,
    { path: 'value' },
  )
}

/** There is none under this name. */
export function secretNotFound(name: string): WebEncodeError {
  return new WebEncodeError('WE-PLG-003', `There is no secret "${name}"`)
}
