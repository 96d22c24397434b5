/** Every environment variable of the product, in one table, and the typed configuration read from it. */
import { availableParallelism } from 'node:os'
import { signInVariables } from './config-sign-in.ts'
import { byteCount, filePath, folder, folders, hosts, integer, oneOf } from './config-values.ts'
import { secretText, someOf, text, url, type ValueKind } from './config-values.ts'
import { lanes } from './contract/task.ts'
import { WebEncodeError } from './errors.ts'

interface Variable {
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

const longestWaitMs = 3_600_000
const longestKeepDays = 36_500
/** More sockets than one process can hold. */
const mostAtOnce = 1_000_000

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
  s3Bucket: {
    name: 'WEBENCODE_S3_BUCKET',
    description: 'Bucket of an S3 server that keeps the media in place of the data folder.',
    kind: text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'be the name of a bucket'),
    presetShown: 'none: the data folder',
  },
  s3Endpoint: {
    name: 'WEBENCODE_S3_ENDPOINT',
    description: 'Address of the S3 server: SeaweedFS, MinIO, R2 or another.',
    kind: url(['http:', 'https:']),
    presetShown: 'AWS in the region',
  },
  s3PublicEndpoint: {
    name: 'WEBENCODE_S3_PUBLIC_ENDPOINT',
    description: 'Address under which workers and browsers reach the S3 server.',
    kind: url(['http:', 'https:']),
    presetShown: 'the endpoint',
  },
  s3Region: {
    name: 'WEBENCODE_S3_REGION',
    description: 'Region of the bucket.',
    kind: text(/^[a-z0-9-]{1,64}$/, 'be 1 to 64 lower-case letters, digits or dashes'),
    preset: 'us-east-1',
  },
  s3AccessKeyId: {
    name: 'WEBENCODE_S3_ACCESS_KEY_ID',
    description: 'Access key for the bucket.',
    kind: secretText(1),
    presetShown: 'none',
  },
  s3SecretAccessKey: {
    name: 'WEBENCODE_S3_SECRET_ACCESS_KEY',
    description: 'Secret of the access key.',
    kind: secretText(1),
    presetShown: 'none',
    secret: true,
  },
  s3SignedUrlSeconds: {
    name: 'WEBENCODE_S3_SIGNED_URL_SECONDS',
    description: 'Longest life of a URL that the bucket is read or written with.',
    kind: integer(60, 604_800),
    preset: '604800',
  },
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
  workerId: {
    name: 'WORKER_ID',
    description: 'Name of the worker: the same after a restart, different on every machine.',
    kind: text(
      /^[A-Za-z0-9._-]{1,100}$/,
      'be 1 to 100 letters, digits, dots, dashes or underscores',
    ),
    preset: 'local',
  },
  workerRegion: {
    name: 'WORKER_REGION',
    description: 'Region the worker stands in.',
    kind: text(/^[a-z0-9-]{1,32}$/, 'be 1 to 32 lower-case letters, digits or dashes'),
    preset: 'local',
  },
  workerSlots: {
    name: 'WEBENCODE_WORKER_SLOTS',
    description: 'Tasks that the worker runs at the same time.',
    kind: integer(1, 1024),
    preset: String(Math.min(availableParallelism(), 1024)),
    presetShown: 'number of cores',
  },
  workerLanes: {
    name: 'WORKER_LANES',
    description: `Kinds of tasks that the worker takes, separated by commas: ${lanes.join(', ')}.`,
    kind: someOf(lanes),
    presetShown: 'what the machine can do',
  },
  joinToken: {
    name: 'WEBENCODE_JOIN_TOKEN',
    description: 'Token that workers show to join: accepted by kernels as often as it comes.',
    kind: secretText(1),
    presetShown: 'none: only one-time tokens',
    secret: true,
  },
  workerCacheBytes: {
    name: 'WEBENCODE_WORKER_CACHE_BYTES',
    description: 'Most that a worker of a cluster keeps of the objects it has read.',
    kind: byteCount(0),
    preset: '10GiB',
  },
  drainSeconds: {
    name: 'WEBENCODE_DRAIN_SECONDS',
    description: 'Seconds that a worker of a cluster finishes tasks in when it is asked to stop.',
    kind: integer(0, 86_400),
    preset: '30',
  },
  encoder: {
    name: 'WEBENCODE_ENCODER',
    description: 'ffmpeg, wasm, or auto: FFmpeg when it starts, else its WebAssembly build.',
    kind: oneOf(['auto', 'ffmpeg', 'wasm']),
    preset: 'auto',
  },
  ffmpegPath: {
    name: 'FFMPEG_PATH',
    description: 'Program that encodes: a path, or a name that PATH finds.',
    kind: text(/^[^\0]+$/, 'be a path or the name of a program'),
    preset: 'ffmpeg',
  },
  ffprobePath: {
    name: 'FFPROBE_PATH',
    description: 'Program that probes: a path, or a name that PATH finds.',
    kind: text(/^[^\0]+$/, 'be a path or the name of a program'),
    preset: 'ffprobe',
  },
  leaseMs: {
    name: 'WEBENCODE_LEASE_MS',
    description: 'Milliseconds after which the task of a silent worker goes to another one.',
    kind: integer(100, longestWaitMs),
    preset: '20000',
  },
  heartbeatMs: {
    name: 'WEBENCODE_HEARTBEAT_MS',
    description: 'Milliseconds between two heartbeats of a worker; at most half the lease.',
    kind: integer(50, longestWaitMs),
    preset: '5000',
  },
  maxUploadBytes: {
    name: 'WEBENCODE_MAX_UPLOAD_BYTES',
    description: 'Largest file that may be uploaded.',
    kind: byteCount(1),
    preset: '50GiB',
  },
  maxBodyBytes: {
    name: 'WEBENCODE_MAX_BODY_BYTES',
    description: 'Largest body of any other request.',
    kind: byteCount(1024),
    preset: '1MiB',
  },
  maxRequests: {
    name: 'WEBENCODE_MAX_REQUESTS',
    description: 'Requests that are answered at the same time; more get 503 and try again.',
    kind: integer(1, mostAtOnce),
    preset: '1000',
  },
  maxTransfers: {
    name: 'WEBENCODE_MAX_TRANSFERS',
    description: 'Uploads that run at the same time, and as many downloads; more get 503.',
    kind: integer(1, mostAtOnce),
    preset: '1000',
  },
  maxLiveConnections: {
    name: 'WEBENCODE_MAX_LIVE_CONNECTIONS',
    description: 'WebSockets that are open at the same time; more get 503.',
    kind: integer(1, mostAtOnce),
    preset: '12000',
  },
  keepJobsDays: {
    name: 'WEBENCODE_KEEP_JOBS_DAYS',
    description: 'Days that an ended job and its outputs are kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '0',
  },
  keepUploadsHours: {
    name: 'WEBENCODE_KEEP_UPLOADS_HOURS',
    description: 'Hours that an upload which no job uses is kept; 0 = for ever.',
    kind: integer(0, longestKeepDays * 24),
    preset: '24',
  },
  keepAuditDays: {
    name: 'WEBENCODE_KEEP_AUDIT_DAYS',
    description: 'Days that the audit of actions and events is kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '90',
  },
  keepLogsDays: {
    name: 'WEBENCODE_KEEP_LOGS_DAYS',
    description: 'Days that the logs of tasks are kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '30',
  },
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
