/** Every environment variable of the product, in one table, and the typed configuration read from it. */
import { limitVariables } from './config-limits.ts'
import { s3Variables } from './config-s3.ts'
import { signInVariables } from './config-sign-in.ts'
import {
  filePath,
  folder,
  folders,
  hosts,
  integer,
  oneOf,
  secretText,
  text,
  url,
  type ValueKind,
  type Variable,
} from './config-values.ts'
import { workerVariables } from './config-worker.ts'
import { WebEncodeError } from './errors.ts'

const variables = {
  kernelPort: {
    name: 'KERNEL_PORT',
    description: 'Port of the HTTP server; 0 takes a free one.',
    kind: integer(0, 65_535),
    preset: '8080',
  },
  kernelHost: {
    name: 'KERNEL_HOST',
    description: 'Address the HTTP server listens on; 0.0.0.0 opens it to the network.',
    kind: text(/^[^\s/]+$/, 'be an IP address or a host name'),
    preset: '127.0.0.1',
  },
  publicUrl: {
    name: 'WEBENCODE_PUBLIC_URL',
    description: 'Address under which people reach the server, for links and cookies.',
    kind: url(['http:', 'https:']),
    presetShown: 'the address it listens on',
  },
  logLevel: {
    name: 'LOG_LEVEL',
    description: 'Least important lines that are logged: debug, info, warn or error.',
    kind: oneOf(['debug', 'info', 'warn', 'error']),
    preset: 'info',
  },
  dataDirectory: {
    name: 'WEBENCODE_DATA_DIR',
    description: 'Folder of the database, the stored media and the work in progress.',
    kind: folder,
    preset: './data',
  },
  databaseUrl: {
    name: 'DATABASE_URL',
    description: 'PostgreSQL to use in place of the database inside the data folder.',
    kind: url(['postgres:', 'postgresql:']),
    presetShown: 'PGlite in the data folder',
    secret: true,
  },
  natsUrl: {
    name: 'NATS_URL',
    description: 'NATS server, ws:// or wss://, that joins kernels and workers of a cluster.',
    kind: text(/^wss?:\/\/\S+$/, 'be a URL that starts with ws:// or wss://'),
    presetShown: 'none: one box',
    secret: true,
  },
  natsReplicas: {
    name: 'NATS_REPLICAS',
    description: 'NATS servers that keep each message of the durable streams.',
    kind: integer(1, 5),
    preset: '1',
  },
  storageUrl: {
    name: 'WEBENCODE_STORAGE_URL',
    description: 'Address under which workers of a cluster reach the stored media of this kernel.',
    kind: url(['http:', 'https:']),
    presetShown: 'the address it listens on',
  },
  kernelId: {
    name: 'KERNEL_ID',
    description: 'Name of the kernel: the same after a restart, different in every kernel.',
    kind: text(
      /^[A-Za-z0-9._-]{1,100}$/,
      'be 1 to 100 letters, digits, dots, dashes or underscores',
    ),
    presetShown: 'host name and port',
  },
  pluginDirectory: {
    name: 'PLUGIN_DIR',
    description: 'Folder of the plugins, each in a folder of its own; all kernels see the same.',
    kind: folder,
    presetShown: 'none: what is built in',
  },
  ...s3Variables,
  adminToken: {
    name: 'WEBENCODE_ADMIN_TOKEN',
    description: 'Bearer token of the administrator, in place of the generated one.',
    kind: secretText(1),
    presetShown: 'generated, printed once',
    secret: true,
  },
  secretsKeyFile: {
    name: 'WEBENCODE_SECRETS_KEY_FILE',
    description: 'File of the key that seals the secrets; best on another disk than the data.',
    kind: filePath,
    presetShown: 'in the data folder',
  },
  openbaoAddress: {
    name: 'OPENBAO_ADDR',
    description: 'OpenBao or Vault server that keeps the secrets, in place of the data folder.',
    kind: url(['http:', 'https:']),
    presetShown: 'none: sealed files',
  },
  openbaoToken: {
    name: 'OPENBAO_TOKEN',
    description: 'Token for OpenBao; it is renewed as long as OpenBao allows.',
    kind: secretText(1),
    presetShown: 'none',
    secret: true,
  },
  openbaoRoleId: {
    name: 'OPENBAO_ROLE_ID',
    description: 'AppRole to sign in to OpenBao with, in place of a token.',
    kind: text(/^\S{1,200}$/, 'be 1 to 200 characters without white space'),
    presetShown: 'none',
  },
  openbaoSecretId: {
    name: 'OPENBAO_SECRET_ID',
    description: 'Secret id of the AppRole.',
    kind: secretText(1),
    presetShown: 'none',
    secret: true,
  },
  mediaRoots: {
    name: 'WEBENCODE_MEDIA_ROOTS',
    description: 'Folders whose files may be sources of jobs, separated as in PATH.',
    kind: folders,
    preset: '',
    presetShown: 'none',
  },
  sourceHosts: {
    name: 'WEBENCODE_SOURCE_HOSTS',
    description:
      'Private hosts, addresses or CIDR blocks that source URLs may name; public ones always may.',
    kind: hosts,
    preset: '',
    presetShown: 'none',
  },
  ...signInVariables,
  ...workerVariables,
  ...limitVariables,
} as const satisfies Record<string, Variable>

type Variables = typeof variables
type ValueOf<V> = V extends { readonly kind: ValueKind<infer T>; readonly preset: string } ? T
  : V extends { readonly kind: ValueKind<infer T> } ? T | undefined
  : never

/** The configuration: a property for each variable of the table, described there. */
export type Config = { readonly [Key in keyof Variables]: ValueOf<Variables[Key]> }

/** Variables as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The configuration that `env` describes. Variables that are absent or blank take their defaults.
 * @throws WE-SYS-001 with one line for each wrong variable; its `path` names the first
 */
export function readConfig(env: Environment): Config {
  const entries = Object.entries<Variable>(variables).map(([key, variable]) => ({
    key,
    name: variable.name,
    ...readVariable(variable, env),
  }))
  const config = Object.fromEntries(entries.map(({ key, value }) => [key, value])) as Config
  const mistakes = entries.filter(({ mistake }) => mistake !== undefined)
  if (mistakes.length === 0) mistakes.push(...leaseMistakes(config), ...s3Mistakes(config))
  const [first] = mistakes
  if (first === undefined) return config
  throw new WebEncodeError('WE-SYS-001', mistakes.map((entry) => entry.mistake).join('\n'), {
    path: first.name,
    next: 'stop',
  })
}

/** A sentence for each `WEBENCODE_*` variable that the table does not know, and for a token that is easy to guess. */
export function listConfigWarnings(env: Environment): readonly string[] {
  const known = new Set<string>(Object.values(variables).map(({ name }) => name))
  const unknown = Object.keys(env)
    .filter((name) => /^WEBENCODE_(?!TEST_)/.test(name) && !known.has(name))
    .sort()
    .map((name) => `${name} is not a variable of WebEncode and changes nothing`)
  return [...unknown, ...weakTokenWarnings(env)]
}

/** A short token is accepted, for a closed network or a test, and pointed out. */
function weakTokenWarnings(env: Environment): string[] {
  return [variables.adminToken, variables.joinToken].flatMap(({ name }) => {
    const length = env[name]?.trim().length ?? 0
    return length === 0 || length >= 16
      ? []
      : [`${name} has ${length} characters; 16 or more are hard to guess`]
  })
}

/** Names of the variables whose values nobody but the kernel may know. */
export const secretVariables: ReadonlySet<string> = new Set(
  Object.values<Variable>(variables).flatMap(({ name, secret }) => secret ? [name] : []),
)

/** The table of all variables in Markdown. */
export function configTable(): string {
  const rows = Object.values<Variable>(variables).map((variable) =>
    `| \`${variable.name}\` | ${presetText(variable)} | ${variable.description}${
      variable.secret ? ' Secret.' : ''
    } |`
  )
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n') + '\n'
}

function presetText({ preset, presetShown }: Variable): string {
  return presetShown ?? `\`${preset}\``
}

function readVariable(variable: Variable, env: Environment): { value?: unknown; mistake?: string } {
  const given = env[variable.name]?.trim()
  const source = given === undefined || given === '' ? variable.preset : given
  if (source === undefined) return { value: undefined }
  const value = variable.kind.read(source)
  if (value !== undefined) return { value }
  const found = variable.secret ? `${source.length} characters` : JSON.stringify(source)
  return { mistake: `${variable.name} must ${variable.kind.must}, found ${found}` }
}

interface Mistake {
  readonly key: string
  readonly name: string
  readonly mistake: string
}

/** A worker that misses one heartbeat must not lose its tasks. */
function leaseMistakes({ leaseMs, heartbeatMs }: Config): Mistake[] {
  if (heartbeatMs * 2 <= leaseMs) return []
  const { name } = variables.heartbeatMs
  const mistake = `${name} must be at most half of ${variables.leaseMs.name}, ` +
    `found ${heartbeatMs} with a lease of ${leaseMs}`
  return [{ key: 'heartbeatMs', name, mistake }]
}

/** A bucket without keys, or keys without a bucket, would silently use the data folder. */
function s3Mistakes(config: Config): Mistake[] {
  const needed = ['s3Bucket', 's3AccessKeyId', 's3SecretAccessKey'] as const
  const optional = ['s3Endpoint', 's3PublicEndpoint'] as const
  if ([...needed, ...optional].every((key) => config[key] === undefined)) return []
  return needed.filter((key) => config[key] === undefined).map((key) => {
    const { name } = variables[key]
    return { key, name, mistake: `${name} must be set for S3 storage, found nothing` }
  })
}
