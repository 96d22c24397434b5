/** What the claims of a provider say of somebody. */
import { highestRole } from '../../kernel/contract/access.ts'
import { type AuthResponse, nobody, type Role } from '../../kernel/contract/auth.ts'
import type { OidcSettings } from './options.ts'

/** Claims of a token or of the user info. */
export type Claims = Readonly<Record<string, unknown>>

const idPrefix = 'oidc:'

/** The highest role that the claims mean; undefined when they mean none. */
export function roleFrom(
  claims: Claims,
  { rolesClaim, roles }: Pick<OidcSettings, 'rolesClaim' | 'roles'>,
): Role | undefined {
  const found = wordsOf(valueAt(claims, rolesClaim))
    .map((word) => Object.hasOwn(roles, word) ? roles[word] : undefined)
  return highestRole(found.filter((role) => role !== undefined))
}

/** The answer for the one of whom these are the claims. */
export function responseFrom(claims: Claims, role: Role): AuthResponse {
  const subject = textAt(claims, 'sub')
  const sid = textAt(claims, 'sid')
  const issuedAt = claims['iat']
  return {
    ...nobody,
    valid: true,
    userId: userIdOf(subject),
    username: textAt(claims, 'preferred_username') || textAt(claims, 'email') || subject,
    email: textAt(claims, 'email'),
    role,
    metadata: {
      ...(sid !== '' && { sid }),
      ...(typeof issuedAt === 'number' && { issuedAt: String(issuedAt) }),
    },
  }
}

/** The name that people have, to show them. */
export function displayNameOf(claims: Claims): string {
  return textAt(claims, 'name')
}

/** Our id of a provider's subject. */
export function userIdOf(subject: string): string {
  return idPrefix + subject
}

/** A claim that is text; empty otherwise. */
export function textAt(claims: Claims, name: string): string {
  const value = claims[name]
  return typeof value === 'string' ? value : ''
}

/** A claim by its whole name (which may hold dots, as URLs do), else by its path. */
function valueAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  return path.split('.').reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    claims,
  )
}

/** A list of words, or one text with spaces between them. */
function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ')
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
