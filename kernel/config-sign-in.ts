/** The environment variables of signing in: part of the table of `config.ts`. */
import {
  addresses,
  file,
  oneOf,
  rolesByName,
  secretText,
  someOf,
  text,
  url,
  type Variable,
} from './config-values.ts'
import { roles } from './contract/auth.ts'

const yesNo = oneOf(['yes', 'no'])
const anything = text(/^[^\0]+$/, 'be text')
const attribute = text(/^[A-Za-z][A-Za-z0-9-]*$/, 'be the name of an attribute')

/** Ways to sign in whose order may be chosen. */
export const passwordWays = ['users', 'htpasswd', 'ldap'] as const

/** Described as those of `config.ts`. */
export const signInVariables = {
  trustedProxies: {
    name: 'WEBENCODE_TRUSTED_PROXIES',
    description:
      'Addresses and CIDR blocks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.',
    kind: addresses,
    preset: '',
    presetShown: 'none',
  },
  proxySignIn: {
    name: 'WEBENCODE_PROXY_SIGN_IN',
    description:
      'yes: these proxies sign people in with Remote-User and Remote-Groups, and remove both from what people send.',
    kind: yesNo,
    preset: 'no',
  },
  roles: {
    name: 'WEBENCODE_ROLES',
    description:
      'Roles by group of LDAP, OIDC and proxy, as video-admins=admin;crew=operator; the highest wins.',
    kind: rolesByName,
    preset: 'viewer=viewer;operator=operator;admin=admin',
    presetShown: 'groups called as the roles',
  },
  defaultRole: {
    name: 'WEBENCODE_DEFAULT_ROLE',
    description: 'Role of people of htpasswd, LDAP, OIDC and proxy who have no other.',
    kind: oneOf(roles),
    presetShown: 'none: they are refused',
  },
  signInOrder: {
    name: 'WEBENCODE_SIGN_IN_ORDER',
    description: `Order in which a password is tried: ${passwordWays.join(', ')}.`,
    kind: someOf(passwordWays),
    preset: passwordWays.join(','),
  },
  htpasswd: {
    name: 'WEBENCODE_HTPASSWD',
    description: 'File of users with bcrypt or argon2id hashes, as htpasswd -B writes it.',
    kind: file,
    presetShown: 'none',
  },
  htpasswdRoles: {
    name: 'WEBENCODE_HTPASSWD_ROLES',
    description: 'Roles by name of the users of that file, as anna=admin;otto=operator.',
    kind: rolesByName,
    preset: '',
    presetShown: 'none',
  },
  ldapUrl: {
    name: 'WEBENCODE_LDAP_URL',
    description:
      'LDAP directory whose people may sign in: ldaps://host, or ldap://host with StartTLS.',
    kind: url(['ldap:', 'ldaps:']),
    presetShown: 'none',
  },
  ldapStartTls: {
    name: 'WEBENCODE_LDAP_STARTTLS',
    description: 'no: passwords travel to an ldap:// directory in clear.',
    kind: yesNo,
    preset: 'yes',
  },
  ldapCa: {
    name: 'WEBENCODE_LDAP_CA',
    description: "PEM file of the certificates that the directory's must come from.",
    kind: file,
    presetShown: 'those of the system',
  },
  ldapBindDn: {
    name: 'WEBENCODE_LDAP_BIND_DN',
    description: 'Who searches the directory.',
    kind: anything,
    presetShown: 'nobody: anonymously',
  },
  ldapBindPassword: {
    name: 'WEBENCODE_LDAP_BIND_PASSWORD',
    description: 'Password of who searches.',
    kind: anything,
    presetShown: 'none',
    secret: true,
  },
  ldapUserBase: {
    name: 'WEBENCODE_LDAP_USER_BASE',
    description: 'Entry below which people are searched, e.g. ou=people,dc=example,dc=com.',
    kind: anything,
    presetShown: 'none: needed with LDAP',
  },
  ldapUserFilter: {
    name: 'WEBENCODE_LDAP_USER_FILTER',
    description: 'Finds one person; {username} is the name that was typed.',
    kind: text(/\{username\}/, 'contain {username}'),
    preset: '(&(objectClass=person)(uid={username}))',
  },
  ldapGroupBase: {
    name: 'WEBENCODE_LDAP_GROUP_BASE',
    description: 'Entry below which groups are searched.',
    kind: anything,
    presetShown: 'none: memberOf alone counts',
  },
  ldapIdAttribute: {
    name: 'WEBENCODE_LDAP_ID_ATTRIBUTE',
    description: 'Attribute of people that never changes; objectGUID in Active Directory.',
    kind: attribute,
    preset: 'entryUUID',
  },
  ldapUsernameAttribute: {
    name: 'WEBENCODE_LDAP_USERNAME_ATTRIBUTE',
    description: 'Attribute of the name that people type; sAMAccountName in Active Directory.',
    kind: attribute,
    preset: 'uid',
  },
  oidcIssuer: {
    name: 'WEBENCODE_OIDC_ISSUER',
    description: 'OpenID Connect provider at which people may sign in, as it names itself.',
    kind: text(/^https?:\/\/\S+$/, 'be a URL that starts with https://'),
    presetShown: 'none',
  },
  oidcClientId: {
    name: 'WEBENCODE_OIDC_CLIENT_ID',
    description: 'This server as the provider knows it.',
    kind: anything,
    presetShown: 'none: needed with OIDC',
  },
  oidcClientSecret: {
    name: 'WEBENCODE_OIDC_CLIENT_SECRET',
    description: 'Secret of that client.',
    kind: secretText(1),
    presetShown: 'none: a public client',
    secret: true,
  },
  oidcLabel: {
    name: 'WEBENCODE_OIDC_LABEL',
    description: 'Name of the provider on the button of the sign-in page.',
    kind: text(/^\P{Cc}{1,60}$/u, 'be 1 to 60 characters'),
    presetShown: 'host of the issuer',
  },
  oidcScopes: {
    name: 'WEBENCODE_OIDC_SCOPES',
    description: 'Scopes that are asked for, separated by blanks.',
    kind: text(/^openid( \S+)*$/, 'start with openid'),
    preset: 'openid profile email',
  },
  oidcRolesClaim: {
    name: 'WEBENCODE_OIDC_ROLES_CLAIM',
    description: 'Claim that holds the groups: a name, or a path such as realm_access.roles.',
    kind: anything,
    preset: 'groups',
  },
  oidcAudience: {
    name: 'WEBENCODE_OIDC_AUDIENCE',
    description: 'Audience that bearer tokens of the provider must have.',
    kind: anything,
    presetShown: 'the client id',
  },
} as const satisfies Record<string, Variable>
