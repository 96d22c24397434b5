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

/** Entries that belong together; the first ones need no title. */
export interface NavigationGroup {
  readonly title: string | undefined
  readonly items: readonly NavigationItem[]
}

const groups: readonly NavigationGroup[] = [
  {
    title: undefined,
    items: [
      { href: '/dashboard', label: 'Dashboard', icon: 'layout-dashboard' },
      { href: '/jobs', label: 'Jobs', icon: 'list-video' },
      {
        href: '/jobs/new',
        label: 'New job',
        icon: 'circle-plus',
        role: leastRole('job', 'create'),
      },
      { href: '/files', label: 'Files', icon: 'folder-open', role: leastRole('file', 'read') },
      { href: '/profiles', label: 'Profiles', icon: 'sliders-horizontal' },
    ],
  },
  {
    title: 'System',
    items: [
      { href: '/workers', label: 'Workers', icon: 'server' },
      { href: '/plugins', label: 'Plugins', icon: 'plug' },
    ],
  },
  {
    title: 'Administration',
    items: [
      { href: '/settings/users', label: 'Users', icon: 'users', role: leastRole('user', 'read') },
      {
        href: '/settings/secrets',
        label: 'Secrets',
        icon: 'lock',
        role: leastRole('secret', 'read'),
      },
      { href: '/audit', label: 'Audit', icon: 'scroll-text', role: leastRole('audit', 'read') },
    ],
  },
  {
    title: 'Developers',
    items: [
      { href: '/settings/tokens', label: 'API tokens', icon: 'key-round' },
      { href: '/docs', label: 'API', icon: 'book-open' },
    ],
  },
]

/** What a role sees; a group without entries is left out. */
export function navigationFor(role: Role): NavigationGroup[] {
  return groups
    .map(({ title, items }) => ({
      title,
      items: items.filter((item) => roleCovers(role, item.role ?? 'viewer')),
    }))
    .filter(({ items }) => items.length > 0)
}

/** The entry that `path` belongs to: the longest that it starts with. */
export function activeHref(path: string): string | undefined {
  return groups
    .flatMap(({ items }) => items)
    .map((item) => item.href)
    .filter((href) => path === href || path.startsWith(`${href}/`))
    .sort((a, b) => b.length - a.length)[0]
}
