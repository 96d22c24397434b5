/** The navigation as data. */
import type { Role } from '../kernel/contract/auth.ts'
import { leastRole, roleCovers } from '../kernel/contract/access.ts'
import type { IconName } from './components/icons.tsx'

/** An entry of the navigation. */
export interface NavigationItem {
  readonly href: string
  readonly label: string
  readonly icon: IconName
  /** Least role that sees it. @default 'viewer' */
  readonly role?: Role
}

export const navigation: readonly NavigationItem[] = [
  { href: '/dashboard', label: 'Dashboard', icon: 'layout-dashboard' },
  { href: '/jobs', label: 'Jobs', icon: 'list-video' },
  { href: '/jobs/new', label: 'New job', icon: 'circle-plus', role: leastRole('job', 'create') },
  { href: '/files', label: 'Files', icon: 'folder-open', role: leastRole('file', 'read') },
  { href: '/profiles', label: 'Profiles', icon: 'sliders-horizontal' },
  { href: '/workers', label: 'Workers', icon: 'server' },
  { href: '/plugins', label: 'Plugins', icon: 'plug' },
  { href: '/settings/users', label: 'Users', icon: 'users', role: leastRole('user', 'read') },
  { href: '/settings/secrets', label: 'Secrets', icon: 'lock', role: leastRole('secret', 'read') },
  { href: '/settings/tokens', label: 'API tokens', icon: 'key-round' },
  { href: '/audit', label: 'Audit', icon: 'scroll-text', role: leastRole('audit', 'read') },
  { href: '/docs', label: 'API', icon: 'book-open' },
]

/** The entries that a role sees. */
export function navigationFor(role: Role): NavigationItem[] {
  return navigation.filter((item) => roleCovers(role, item.role ?? 'viewer'))
}

/** The entry that `path` belongs to: the longest that it starts with. */
export function activeHref(path: string): string | undefined {
  return navigation
    .map((item) => item.href)
    .filter((href) => path === href || path.startsWith(`${href}/`))
    .sort((a, b) => b.length - a.length)[0]
}
