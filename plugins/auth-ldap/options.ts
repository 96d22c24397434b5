/** Settings of the LDAP sign-in: where the directory is, how people are found in it, and what their groups mean. */
import type { Clock } from '../../kernel/clock.ts'
import type { Role } from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

export interface LdapOptions {
  /** `ldaps://host[:636]`, or `ldap://host[:389]` with StartTLS. */
  readonly url: string
  /** Turns `ldap://` into TLS before anything secret is said; without it passwords travel in clear. @default true */
  readonly startTls?: boolean
  /** Certificates in PEM that the server's must come from. @default those that the system trusts */
  readonly ca?: string
  /** Who searches; absent: anonymously. */
  readonly bindDn?: string
  readonly bindPassword?: string
  /** Below this entry people are searched, e.g. `ou=people,dc=example,dc=com`. */
  readonly userBase: string
  /** Finds one person; `{username}` stands for the name that was typed. @default `(&(objectClass=person)(uid={username}))` */
  readonly userFilter?: string
  /** Below this entry groups are searched; absent: only the attribute `memberOf` of the person counts. */
  readonly groupBase?: string
  /** Finds the groups of a person; `{dn}` and `{username}` stand for theirs. @default groups with them as member, uniqueMember or memberUid */
  readonly groupFilter?: string
  /** Roles by the name (`cn`) or the whole DN of a group; the highest wins. Upper and lower case are the same. */
  readonly roles: Readonly<Record<string, Role>>
  /** Of people without a group of `roles`; absent: they are refused. */
  readonly defaultRole?: Role
  /** Attribute that never changes. @default `entryUUID`; Active Directory has `objectGUID` */
  readonly idAttribute?: string
  /** Attribute of the name that is typed. @default `uid`; Active Directory has `sAMAccountName` */
  readonly usernameAttribute?: string
  /** Milliseconds for one whole question, connecting included. @default 5000 */
  readonly timeoutMs?: number
  /** Connections at the same time; more questions wait, as long as they may. @default 8 */
  readonly maxConnections?: number
  readonly clock: Clock
  readonly log: Log
}

/** The options with their defaults. */
export type LdapSettings =
  & Required<Omit<LdapOptions, 'ca' | 'bindDn' | 'bindPassword' | 'groupBase' | 'defaultRole'>>
  & Pick<LdapOptions, 'ca' | 'bindDn' | 'bindPassword' | 'groupBase' | 'defaultRole'>

/** The settings that the options mean. @throws WE-PLG-003 for one that cannot work */
export function settingsFrom(options: LdapOptions): LdapSettings {
  const protocol = URL.parse(options.url)?.protocol
  if (protocol !== 'ldap:' && protocol !== 'ldaps:') {
    throw wrong('url', 'the URL must start with ldap:// or ldaps://')
  }
  if (options.bindDn !== undefined && !options.bindPassword) {
    throw wrong('bindPassword', 'who searches as bindDn needs a password')
  }
  const settings = {
    startTls: true,
    userFilter: '(&(objectClass=person)(uid={username}))',
    groupFilter: '(|(member={dn})(uniqueMember={dn})(memberUid={username}))',
    idAttribute: 'entryUUID',
    usernameAttribute: 'uid',
    timeoutMs: 5000,
    maxConnections: 8,
    ...options,
    roles: Object.fromEntries(
      Object.entries(options.roles).map(([group, role]) => [group.toLowerCase(), role]),
    ),
  }
  if (!settings.userFilter.includes('{username}')) {
    throw wrong('userFilter', 'the filter must contain {username}')
  }
  if (protocol === 'ldap:' && !settings.startTls) {
    settings.log.warn('LDAP without TLS: passwords travel in clear', { url: settings.url })
  }
  return settings
}

function wrong(path: string, mistake: string): WebEncodeError {
  return new WebEncodeError('WE-PLG-003', `Cannot use the LDAP settings: ${mistake}`, { path })
}
