/** One page of the users that a way to sign in knows. */
import type { Authenticator, Role } from './auth.ts'

/** Those of the role that is asked for, and of them the page, of which 1 is the first; `totalCount` counts all pages. */
export function userPageFrom<User extends { readonly role: Role }>(
  all: readonly User[],
  { page, pageSize, roleFilter }: Parameters<Authenticator['listUsers']>[0],
): { users: User[]; totalCount: number } {
  const matching = all.filter(({ role }) => roleFilter === undefined || role === roleFilter)
  const start = Math.max(0, page - 1) * pageSize
  return { users: matching.slice(start, start + pageSize), totalCount: matching.length }
}
