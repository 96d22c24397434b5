/** The kinds of values that an environment variable may hold: what each must be, and how it is read. */
import { isIP } from 'node:net'
import { delimiter, resolve } from 'node:path'
import { type Role, roles } from './contract/auth.ts'

/** One kind of value. */
export interface ValueKind<T> {
  /** Completes the sentence "NAME must …". */
  readonly must: string
  /** The value, or undefined when the text does not hold what it must. */
  readonly read: (text: string) => T | undefined
}

/** One environment variable, as the table of `config.ts` has it. */
export interface Variable {
  readonly name: string
  readonly description: string
  readonly kind: ValueKind<unknown>
  /** Read as if it had been set. Without one the value is undefined. */
  readonly preset?: string
  /** What the table of the README shows in place of `preset`. */
  readonly presetShown?: string
  /** Its value never appears in an error or a log. */
  readonly secret?: true
}

const bytesPerUnit = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number): ValueKind<number> {
  return {
    must: `be a whole number from ${min} to ${max}`,
    read: (text) => within(/^\d+$/.test(text) ? Number(text) : NaN, min, max),
  }
}

/** A number of bytes of at least `min`, plain (`1048576`) or with a binary unit (`1MiB`). */
export function byteCount(min: number): ValueKind<number> {
  return {
    must: `be a number of bytes, at least ${min}, plain or with KiB, MiB, GiB or TiB`,
    read(text) {
      const [, digits, unit] = /^(\d+) ?(KiB|MiB|GiB|TiB|)$/.exec(text) ?? []
      const factor = bytesPerUnit[unit as keyof typeof bytesPerUnit]
      return within(Number(digits) * factor, min, Number.MAX_SAFE_INTEGER)
    },
  }
}

/** One of a closed list of words. */
export function oneOf<const T extends string>(words: readonly T[]): ValueKind<T> {
  return {
    must: `be one of ${words.join(', ')}`,
    read: (text) => words.find((word) => word === text),
  }
}

/** Text of the form that `pattern` describes; `must` says so in words. */
export function text(pattern: RegExp, must: string): ValueKind<string> {
  return { must, read: (value) => (pattern.test(value) ? value : undefined) }
}

/** A secret of at least `minLength` characters without white space. */
export function secretText(minLength: number): ValueKind<string> {
  return {
    must: `be at least ${minLength} characters long, without white space`,
    read: (value) => (value.length >= minLength && !/\s/.test(value) ? value : undefined),
  }
}

/** An absolute URL of one of these protocols (`'https:'` …); answers it without a slash at its end. */
export function url(protocols: readonly string[]): ValueKind<string> {
  return {
    must: `be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    read: (value) =>
      URL.canParse(value) && protocols.includes(new URL(value).protocol)
        ? value.replace(/\/+$/, '')
        : undefined,
  }
}

/** A folder; a relative one starts at the working directory. Answers its absolute path. */
export const folder: ValueKind<string> = {
  must: 'be the path of a folder',
  read: (path) => (path.includes('\0') ? undefined : resolve(path)),
}

/** A file; a relative one starts at the working directory. Answers its absolute path. */
export const filePath: ValueKind<string> = { ...folder, must: 'be the path of a file' }

/** Folders separated as in PATH. Answers their absolute paths. */
export const folders: ValueKind<readonly string[]> = {
  must: `be paths of folders, separated by ${delimiter}`,
  read: (list) => everyOne(list.split(delimiter), (path) => folder.read(path)),
}

/** One or more of a closed list of words, separated by commas. */
export function someOf<const T extends string>(words: readonly T[]): ValueKind<readonly T[]> {
  const one = oneOf(words)
  return {
    must: `be one or more of ${words.join(', ')}, separated by commas`,
    read(list) {
      const found = everyOne(list.split(','), (entry) => one.read(entry))
      return found?.length === 0 ? undefined : found && [...new Set(found)]
    },
  }
}

/** A file; a relative path starts at the working directory. Answers its absolute path. */
export const file: ValueKind<string> = { must: 'be the path of a file', read: folder.read }

/** IP addresses and CIDR blocks, separated by commas. */
export const addresses: ValueKind<readonly string[]> = {
  must: 'be IP addresses or CIDR blocks, separated by commas',
  read: (list) =>
    everyOne(
      list.split(','),
      (entry) => isIP(entry.split('/')[0] ?? '') !== 0 && isHostOrBlock(entry) ? entry : undefined,
    ),
}

/** Roles by name: `name=role`, separated by semicolons. A name may hold `=`, as the DN of a group does. */
export const rolesByName: ValueKind<Readonly<Record<string, Role>>> = {
  must: `be names with roles, as crew=operator, separated by semicolons; roles are ${
    roles.join(', ')
  }`,
  read(list) {
    const pairs = everyOne(list.split(';'), (entry) => {
      const at = entry.lastIndexOf('=')
      const role = roles.find((one) => one === entry.slice(at + 1).trim())
      const name = entry.slice(0, Math.max(0, at)).trim()
      return name === '' || role === undefined ? undefined : [name, role] as const
    })
    return pairs && Object.fromEntries(pairs)
  },
}

/** Host names, IP addresses and CIDR blocks, separated by commas. */
export const hosts: ValueKind<readonly string[]> = {
  must: 'be host names, IP addresses or CIDR blocks, separated by commas',
  read: (list) => everyOne(list.split(','), (host) => (isHostOrBlock(host) ? host : undefined)),
}

function isHostOrBlock(entry: string): boolean {
  if (isIP(entry) !== 0) return true
  const [address = '', bits, ...rest] = entry.split('/')
  if (bits === undefined) return isHostName(entry)
  const widest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && /^\d+$/.test(bits) && Number(bits) <= widest
}

/** A name whose last label is all digits is a mistyped address, not a host. */
function isHostName(entry: string): boolean {
  const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
  return new RegExp(`^(${label}\\.)*${label}$`, 'i').test(entry) && !/(^|\.)\d+$/.test(entry)
}

/** Reads every entry of a list that is not blank; undefined when one of them cannot be read. */
function everyOne<T>(
  entries: readonly string[],
  read: (entry: string) => T | undefined,
): readonly T[] | undefined {
  const values = entries.map((entry) => entry.trim()).filter((entry) => entry !== '').map(read)
  return values.every((value) => value !== undefined) ? values : undefined
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined
}
