/** Who may do what: one table of resource and action, from which routes, pages and live topics take their access. */
import { type AuthAction, authActions, type AuthZResponse, type Role, roles } from './auth.ts'

/** What can be acted upon, and the least role for each action. An action that is missing is nobody's. */
export const accessTable = {
  /** The own sign-in: who one is, signing out, the theme. */
  account: { read: 'viewer', update: 'viewer' },
  /** API tokens of one's own; those of others are their users'. */
  token: { read: 'viewer', create: 'viewer', delete: 'viewer' },
  /** Everybody who signed in, and their sessions. */
  user: { read: 'admin', create: 'admin', update: 'admin', delete: 'admin' },
  system: { read: 'viewer' },
  job: {
    read: 'viewer',
    create: 'operator',
    update: 'operator',
    delete: 'operator',
    execute: 'operator',
  },
  stream: {
    read: 'viewer',
    create: 'operator',
    update: 'operator',
    delete: 'operator',
    execute: 'operator',
  },
  restream: {
    read: 'viewer',
    create: 'operator',
    update: 'operator',
    delete: 'operator',
    execute: 'operator',
  },
  /** Files that may become sources, and uploads. */
  file: { read: 'operator', create: 'operator', delete: 'operator' },
  /** `execute`: drain, undrain, restart. */
  worker: { read: 'viewer', execute: 'admin', delete: 'admin' },
  'worker-log': { read: 'operator' },
  'join-token': { read: 'admin', create: 'admin', delete: 'admin' },
  /** Shares of owners in the capacity. */
  owner: { read: 'admin', update: 'admin' },
  profile: { read: 'viewer', create: 'admin', update: 'admin', delete: 'admin' },
  /** State and figures are for everybody, configurations for admins. */
  plugin: {
    read: 'viewer',
    create: 'admin',
    update: 'admin',
    delete: 'admin',
    execute: 'admin',
  },
  'plugin-log': { read: 'admin' },
  secret: { read: 'admin', create: 'admin', update: 'admin', delete: 'admin' },
  webhook: { read: 'admin', create: 'admin', update: 'admin', delete: 'admin' },
  settings: { read: 'admin', update: 'admin' },
  audit: { read: 'admin' },
} as const satisfies Record<string, Partial<Record<AuthAction, Role>>>

export type Resource = keyof typeof accessTable
/** The actions that the table knows for a resource. */
export type ActionOn<R extends Resource> = keyof (typeof accessTable)[R] & AuthAction

/** True when `role` includes everything that `needed` may do. */
export function roleCovers(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed)
}

/** The least role for an action, as the table says. */
export function leastRole<R extends Resource>(resource: R, action: ActionOn<R>): Role {
  return accessTable[resource][action] as Role
}

/** Whether a role may do this. */
export function mayDo<R extends Resource>(role: Role, resource: R, action: ActionOn<R>): boolean {
  return roleCovers(role, leastRole(resource, action))
}

/** The answer for a role, whatever the resource and action are called: what the table does not know is refused. */
export function authorizeRole(
  role: Role | undefined,
  { action, resourceType }: { action: string; resourceType: string },
): AuthZResponse {
  const known = authActions.find((one) => one === action)
  const row: Partial<Record<AuthAction, Role>> | undefined =
    Object.hasOwn(accessTable, resourceType) ? accessTable[resourceType as Resource] : undefined
  const needed = known && row?.[known]
  if (needed === undefined) return refused(`Nobody may ${action} a ${resourceType}`)
  if (role === undefined) return refused('There is no such user')
  if (roleCovers(role, needed)) return { allowed: true, reason: '' }
  return refused(`To ${action} a ${resourceType} needs the role ${needed}, and yours is ${role}`)
}

/** The highest of some roles; undefined when there are none. */
export function highestRole(found: readonly Role[]): Role | undefined {
  return roles.findLast((role) => found.includes(role))
}

function refused(reason: string): AuthZResponse {
  return { allowed: false, reason }
}
