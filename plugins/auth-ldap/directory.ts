/** What the directory says of people: their entry, their groups, and the role that those mean. */
import type { Client, Entry } from 'ldapts'
import { highestRole } from '../../kernel/contract/access.ts'
import type { Role } from '../../kernel/contract/auth.ts'
import { anyoneFilter, fillFilter, narrowFilter } from './filter.ts'
import type { LdapSettings } from './options.ts'

/** One person. */
export interface Person {
  readonly dn: string
  /** Of the id attribute; binary ones in hex. */
  readonly id: string
  readonly username: string
  readonly email: string
  readonly displayName: string
  readonly memberOf: readonly string[]
}

/** More groups of one person are not read. */
const mostGroups = 1000

/** The one person with this name; undefined when there is none, or more than one. */
export async function findByName(
  client: Client,
  settings: LdapSettings,
  username: string,
): Promise<Person | undefined> {
  const [person, another] = await search(
    client,
    settings,
    fillFilter(settings.userFilter, { username }),
    2,
  )
  return another === undefined ? person : undefined
}

/** The person with this id, when they may still sign in. */
export async function findById(
  client: Client,
  settings: LdapSettings,
  id: string,
): Promise<Person | undefined> {
  const { userFilter, idAttribute } = settings
  const value = isBinary(idAttribute) ? Buffer.from(id, 'hex') : id
  const filter = narrowFilter(anyoneFilter(userFilter), idAttribute, value)
  const [person] = await search(client, settings, filter, 1)
  return person
}

/** Everybody who may sign in, up to `limit`. */
export async function listPeople(
  client: Client,
  settings: LdapSettings,
  limit: number,
): Promise<Person[]> {
  return await search(client, settings, anyoneFilter(settings.userFilter), limit)
}

/** The highest role of their groups; the default one when they have none that means a role. */
export async function roleOf(
  client: Client,
  settings: LdapSettings,
  { dn, username, memberOf }: Person,
): Promise<Role | undefined> {
  const { groupBase, groupFilter, roles, defaultRole } = settings
  const groups = [...memberOf, ...memberOf.map(firstName)]
  if (groupBase !== undefined) {
    const { searchEntries } = await client.search(groupBase, {
      filter: fillFilter(groupFilter, { dn, username }),
      attributes: ['cn'],
      sizeLimit: mostGroups,
    })
    for (const entry of searchEntries) groups.push(entry.dn, ...textsOf(entry, 'cn'))
  }
  const found = groups.map((group) => roles[group.toLowerCase()])
  return highestRole(found.filter((role) => role !== undefined)) ?? defaultRole
}

async function search(
  client: Client,
  settings: LdapSettings,
  filter: string,
  sizeLimit: number,
): Promise<Person[]> {
  const { userBase, idAttribute, usernameAttribute } = settings
  const { searchEntries } = await client.search(userBase, {
    filter,
    attributes: [idAttribute, usernameAttribute, 'mail', 'cn', 'displayName', 'memberOf'],
    ...(isBinary(idAttribute) && { explicitBufferAttributes: [idAttribute] }),
    sizeLimit,
  })
  return searchEntries.map((entry) => personFrom(entry, settings)).filter((one) => one.id !== '')
}

function personFrom(entry: Entry, settings: LdapSettings): Person {
  const [username = ''] = textsOf(entry, settings.usernameAttribute)
  const [id = ''] = textsOf(entry, settings.idAttribute)
  const [email = ''] = textsOf(entry, 'mail')
  const [displayName = username] = [...textsOf(entry, 'displayName'), ...textsOf(entry, 'cn')]
  return { dn: entry.dn, id, username, email, displayName, memberOf: textsOf(entry, 'memberOf') }
}

/** The values of an attribute, however its name is written. */
function textsOf(entry: Entry, attribute: string): string[] {
  const name = Object.keys(entry).find((key) => key.toLowerCase() === attribute.toLowerCase())
  const value = name === undefined ? [] : entry[name] ?? []
  const values = Array.isArray(value) ? value : [value]
  return values.map((one) => typeof one === 'string' ? one : one.toString('hex'))
}

/** Active Directory's id is sixteen bytes. */
function isBinary(attribute: string): boolean {
  return attribute.toLowerCase() === 'objectguid'
}

/** `admins` of `cn=admins,ou=groups,dc=example,dc=com`. */
function firstName(dn: string): string {
  return /^\w+=((?:\\.|[^,\\])*)/.exec(dn)?.[1] ?? dn
}
