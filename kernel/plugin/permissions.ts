/** What a sandboxed plugin may reach, made from its manifest and its configuration. */
import { isAbsolute, resolve } from 'node:path'
import type { PluginPermissions } from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'

/** A setting in place of a fixed value: `${root}` stands for what the admin configured as `root`. */
const placeholder = /^\$\{([a-z0-9_]+)\}(.*)$/

/**
 * The permissions with settings filled in, and paths made absolute. A setting that is not given grants nothing.
 * @throws WE-PLG-003 when a setting cannot be a path or a host
 */
export function grantedPermissions(
  permissions: PluginPermissions,
  folder: string,
  config: Readonly<Record<string, unknown>>,
): PluginPermissions {
  const fill = (entries: readonly string[]) => entries.flatMap((entry) => filled(entry, config))
  const paths = (entries: readonly string[]) => fill(entries).map((path) => pathFrom(path, folder))
  return {
    net: fill(permissions.net).map(hostFrom),
    read: paths(permissions.read),
    write: paths(permissions.write),
    env: permissions.env,
    run: fill(permissions.run).map((program) =>
      program.includes('/') ? pathFrom(program, folder) : program
    ),
  }
}

function filled(entry: string, config: Readonly<Record<string, unknown>>): string[] {
  const [, name, rest = ''] = placeholder.exec(entry) ?? []
  if (name === undefined) return [entry]
  const value = config[name]
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values
    .filter((one): one is string => typeof one === 'string' && one !== '')
    .map((one) => refuseComma(name, one + rest))
}

/** Deno separates permissions by commas: one in a setting would add others. */
function refuseComma(name: string, value: string): string {
  if (!/[,\0]/.test(value)) return value
  throw new WebEncodeError(
    'WE-PLG-003',
    `Setting "${name}" must not hold a comma: a plugin may reach what it names`,
    {
      path: name,
    },
  )
}

function pathFrom(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path)
}

/** `https://host:9000/path` is `host:9000`; anything else stays. */
function hostFrom(entry: string): string {
  if (!/^[a-z]+:\/\//i.test(entry)) return entry
  const { hostname, port, protocol } = new URL(entry)
  const usual: Readonly<Record<string, string>> = {
    'https:': '443',
    'http:': '80',
    'ldap:': '389',
    'ldaps:': '636',
  }
  const at = port === '' ? usual[protocol] : port
  return at === undefined ? hostname : `${hostname}:${at}`
}
