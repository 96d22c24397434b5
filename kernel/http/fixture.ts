/** The application of the tests: a real database in memory, and small stand-ins for what lies in other rooms. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createAuditWriter } from '../audit/writer.ts'
import { createMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock } from '../clock.ts'
import { authorizeRole } from '../contract/access.ts'
import {
  type Authenticator,
  type AuthResponse,
  nobody,
  type Role,
  type UserProfile,
} from '../contract/auth.ts'
import type { JobView, WorkerView } from '../contract/job.ts'
import type { Profile } from '../contract/profile.ts'
import type { StorageProvider } from '../contract/storage.ts'
import { type Database, json, sql } from '../db/database.ts'
import { readJob } from '../db/jobs.ts'
import { readWorker } from '../db/workers.ts'
import { migrate } from '../db/migrate.ts'
import { openPglite } from '../db/pglite.ts'
import { WebEncodeError } from '../errors.ts'
import type { Caller, Gateway } from '../gateway.ts'
import { createLog, type Log } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { createRuntime } from '../runtime/serve.ts'
import { createStorages, type Storages } from '../storages.ts'
import { createApp } from './app.ts'
import { defaultHttpConfig, type HttpConfig, type HttpDeps, type UiMount } from './deps.ts'
import { pluginFamilies } from './plugin-topics.ts'
import { pluginCommandsOver, pluginDirectory } from './plugins.fixture.ts'
import { createLiveHub } from './ws.ts'

/** A command that the gateway was given. */
export interface Command {
  readonly name: keyof Gateway
  readonly argument: unknown
  readonly caller: Caller
  readonly key?: string | undefined
}

export interface Bench extends HttpDeps {
  readonly db: Database
  readonly commands: Command[]
  /** Objects by key. */
  readonly objects: Map<string, Uint8Array>
  readonly logLines: string[]
  /** Users who may use their sessions, by id. */
  readonly users: Map<string, { username: string; role: Role }>
  readonly moveClock: (ms: number) => void
  readonly app: ReturnType<typeof createApp>
  readonly bus: ReturnType<typeof createMemoryBus>
  close(): Promise<void>
}

/** Opens an application. Bearer tokens are the names of the roles, and `expired`. */
export async function openBench(
  options: {
    config?: Partial<HttpConfig>
    ui?: UiMount
    db?: Database
    audit?: HttpDeps['audit']
    secrets?: HttpDeps['secrets']
    serveObject?: HttpDeps['serveObject']
    redirectSignIn?: HttpDeps['redirectSignIn']
    auth?: HttpDeps['auth']
    keptUsers?: HttpDeps['keptUsers']
    /** @default one in memory, `storage-test` */
    storages?: Storages
  } = {},
): Promise<Bench> {
  const logLines: string[] = []
  const log = createLog('debug', (line) => logLines.push(line))
  const db = options.db ?? await openTestDatabase(log)
  let offsetMs = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + offsetMs }
  const bus = createMemoryBus({ clock, log })
  const live = createLiveHub({ bus, db, clock, log, families: pluginFamilies(pluginDirectory) })
  const objects = new Map<string, Uint8Array>()
  const commands: Command[] = []
  const users = new Map<string, { username: string; role: Role }>([
    ['viewer', { username: 'vera', role: 'viewer' }],
    ['operator', { username: 'otto', role: 'operator' }],
    ['admin', { username: 'anna', role: 'admin' }],
  ])
  const {
    storages = createStorages({ id: 'storage-test', storage: storageOver(objects, clock) }),
  } = options
  const deps: HttpDeps = {
    db,
    gateway: gatewayOver(db, commands),
    auth: options.auth ?? authOver(users, clock),
    keptUsers: options.keptUsers ?? keeperOver(users),
    ...(options.redirectSignIn === undefined ? {} : { redirectSignIn: options.redirectSignIn }),
    storage: storages.main.storage,
    storages,
    ...(options.serveObject === undefined ? {} : { serveObject: options.serveObject }),
    profiles: [testProfile],
    audit: options.audit ?? createAuditWriter({ db, clock: systemClock, log }),
    secrets: options.secrets ?? noSecrets,
    plugins: pluginDirectory,
    metrics: createMetrics({ withProcess: false }),
    live,
    upgradeWebSocket: (await createRuntime()).upgradeWebSocket,
    readiness: () => Promise.resolve([{ name: 'database', ok: true }]),
    config: { ...defaultHttpConfig, ...options.config },
    clock,
    log,
  }
  const app = createApp(deps, options.ui)
  const moveClock = (ms: number) => void (offsetMs += ms)
  const close = async () => {
    await live.close()
    await bus.close()
    if (options.db === undefined) await db.close()
  }
  return { ...deps, db, bus, commands, objects, logLines, users, moveClock, app, close }
}

/** A migrated database in memory; from the built template, where there is one, it opens in a second. */
export async function openTestDatabase(log: Log): Promise<Database> {
  const template = templatePlaces.find((path) => existsSync(path))
  const options = { directory: null, log, ...(template === undefined ? {} : { template }) }
  const db = await openPglite(options)
  await migrate(db)
  return db
}

/** Headers of a caller with this role. */
export function as(role: Role | 'expired' | 'nobody'): Record<string, string> {
  return { authorization: `Bearer ${role}` }
}

/** A JSON request. */
export function post(body: unknown, headers: Record<string, string> = as('operator')): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

/** A multipart request whose body is bytes, as a network brings it. */
export async function multipart(
  headers: Record<string, string>,
  ...parts: [name: string, value: string | File][]
): Promise<RequestInit> {
  const form = new FormData()
  for (const [name, value] of parts) form.append(name, value)
  const encoded = new Response(form)
  const type = encoded.headers.get('content-type') ?? ''
  const body = await encoded.arrayBuffer()
  return { method: 'POST', headers: { ...headers, 'content-type': type }, body }
}

/** Inserts a job, with outputs when it completed. */
export async function insertTestJob(
  db: Database,
  id: string,
  facts: { status?: string; outputs?: unknown; progress?: number } = {},
): Promise<void> {
  const { status = 'queued', outputs = [], progress = 0 } = facts
  await db.query(sql`
    INSERT INTO jobs (id, user_id, source_type, source_url, profile_id, profile, status, phase, progress_pct, outputs)
    VALUES (${id}, 'operator', 'url', 'https://example.com/a.mp4', ${testProfile.name}, ${
    json(testProfile)
  }, ${status},
      ${status}, ${progress}, ${json(outputs)})`)
}

/** Seen from `dist` and from the sources. */
const templatePlaces = ['../db/template.tar.gz', '../../dist/kernel/db/template.tar.gz']
  .map((place) => fileURLToPath(new URL(place, import.meta.url)))

export const testProfile: Profile = {
  name: 'test_profile',
  description: 'For tests',
  container: 'mp4',
  video: { codec: 'libx264', fit: 'contain', pixelFormat: 'yuv420p', gopSeconds: 2 },
  audio: { codec: 'aac', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 },
  chunkSeconds: 10,
  maxAttempts: 3,
}

/** A store that has none and keeps none. */
const noSecrets: HttpDeps['secrets'] = {
  kind: 'sealed',
  list: () => Promise.resolve([]),
  put: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  rotate: () => Promise.resolve(),
}

function gatewayOver(db: Database, commands: Command[]): Gateway {
  const existing = async (id: string): Promise<JobView> => {
    const job = await readJob(db, id)
    if (job === undefined) throw new WebEncodeError('WE-JOB-004', `There is no job "${id}"`)
    return job
  }
  const create = async (id: string) => {
    await insertTestJob(db, id)
    return await existing(id)
  }
  const worker =
    (name: keyof Gateway) => async (id: string, caller: Caller): Promise<WorkerView> => {
      commands.push({ name, argument: id, caller })
      const found = await readWorker(db, id)
      if (found === undefined) throw new WebEncodeError('WE-WRK-001', `There is no worker "${id}"`)
      return found
    }
  return {
    ...pluginCommandsOver((command) => void commands.push(command)),
    drainWorker: worker('drainWorker'),
    undrainWorker: worker('undrainWorker'),
    restartWorker: worker('restartWorker'),
    removeWorker: async (id, caller) => void (await worker('removeWorker')(id, caller)),
    createJoinToken(argument, caller) {
      commands.push({ name: 'createJoinToken', argument, caller })
      const created_at = new Date(0).toISOString()
      const times = { created_at, expires_at: created_at, used_at: null }
      const token = { id: 'jt-1', created_by: caller.username, used_by: null, token: 'wj_secret' }
      return Promise.resolve({ ...token, ...times })
    },
    deleteJoinToken(argument, caller) {
      commands.push({ name: 'deleteJoinToken', argument, caller })
      return Promise.resolve()
    },
    async submitJob(argument, caller, key) {
      commands.push({ name: 'submitJob', argument, caller, key })
      if (argument.profile !== testProfile.name) {
        throw new WebEncodeError('WE-JOB-003', `There is no profile ${argument.profile}`, {
          path: 'profile',
        })
      }
      return await create(`made-${commands.length}`)
    },
    async cancelJob(argument, caller) {
      commands.push({ name: 'cancelJob', argument, caller })
      const job = await existing(argument)
      if (job.status !== 'completed') return job
      throw new WebEncodeError('WE-JOB-006', `Cannot cancel job "${argument}": it is completed`)
    },
    async retryJob(argument, caller) {
      commands.push({ name: 'retryJob', argument, caller })
      await existing(argument)
      return await create(`retry-${commands.length}`)
    },
    async deleteJob(argument, caller) {
      commands.push({ name: 'deleteJob', argument, caller })
      await existing(argument)
    },
    requeueTask(argument, caller) {
      commands.push({ name: 'requeueTask', argument, caller })
      return Promise.resolve()
    },
  }
}

/** All users are its own. */
function keeperOver(users: Bench['users']): HttpDeps['keptUsers'] {
  const profileOf = (userId: string): UserProfile | undefined => {
    const user = users.get(userId)
    const times = { createdAtUnix: 0, lastLoginUnix: 0 }
    return user && { userId, email: '', displayName: user.username, ...times, ...user }
  }
  const required = (userId: string): UserProfile => {
    const user = profileOf(userId)
    if (user === undefined) throw new WebEncodeError('WE-AUTH-007', `No user has the ID: ${userId}`)
    return user
  }
  return {
    getUserProfile: (userId) => Promise.resolve(profileOf(userId)),
    listUsers: () =>
      Promise.resolve({ users: [...users.keys()].map(required), totalCount: users.size }),
    async addUser({ username, role }) {
      users.set(username, { username, role })
      return await Promise.resolve({ user: required(username), token: `token-of-${username}` })
    },
    async setRole(userId, role) {
      users.set(userId, { username: required(userId).username, role })
      return await Promise.resolve(required(userId))
    },
    async removeUser(userId) {
      await Promise.resolve(users.delete(required(userId).userId))
    },
  }
}

function authOver(
  users: Map<string, { username: string; role: Role }>,
  clock: Clock,
): Authenticator {
  const codes = new Set(['one-time-code'])
  const answer = (userId: string): AuthResponse => {
    const user = users.get(userId)
    return user === undefined ? nobody : { ...nobody, valid: true, userId, ...user }
  }
  return {
    authenticate({ token, scheme }) {
      if (token === 'expired') {
        return Promise.resolve({ ...nobody, expiresAtUnix: Math.floor(clock.now() / 1000) - 1 })
      }
      if (scheme === 'upstream') {
        const { user } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { user: string }
        return Promise.resolve(answer(user))
      }
      if (scheme === 'one-time') {
        return Promise.resolve(codes.delete(token) ? answer('admin') : nobody)
      }
      if (scheme === 'basic') {
        const isRight = Buffer.from(token, 'base64').toString() === 'otto:right'
        return Promise.resolve(isRight ? answer('operator') : nobody)
      }
      return Promise.resolve(answer(token))
    },
    getUserProfile(userId) {
      const user = users.get(userId)
      if (user === undefined) return Promise.resolve(undefined)
      const { username } = user
      const times = { createdAtUnix: 0, lastLoginUnix: 0 }
      return Promise.resolve({ userId, email: '', displayName: username, ...user, ...times })
    },
    authorize: (request) =>
      Promise.resolve(authorizeRole(users.get(request.userId)?.role, request)),
    listUsers: () => Promise.resolve({ users: [], totalCount: 0 }),
    refreshToken: () => Promise.resolve(nobody),
    logout: () => Promise.resolve(),
  }
}

function storageOver(objects: Map<string, Uint8Array>, clock: Clock): StorageProvider {
  const writtenAtMs = new WeakMap<Uint8Array, number>()
  const find = (path: string): Uint8Array => {
    const bytes = objects.get(path)
    if (bytes === undefined) throw new WebEncodeError('WE-STO-001', `There is no object "${path}"`)
    return bytes
  }
  const infoOf = (key: string) => {
    const bytes = find(key)
    const size = bytes.length
    const lastModified = Math.ceil((writtenAtMs.get(bytes) ?? 1_700_000_000_000) / 1000)
    return { key, size, etag: `"${size}"`, lastModified, contentType: 'text/plain' }
  }
  const urlOf = ({ objectKey }: { objectKey: string }) =>
    Promise.resolve({
      url: `/v1/objects/media/${objectKey}?signature=x`,
      headers: {},
      expiresAt: 0,
    })
  return {
    async upload({ path, sha256: given }, chunks) {
      const parts: Uint8Array[] = []
      for await (const chunk of chunks) parts.push(chunk)
      const bytes = Buffer.concat(parts)
      if (bytes.includes('DISK FULL')) throw new WebEncodeError('WE-STO-003', 'The disk is full')
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      if (given !== undefined && given !== sha256) {
        throw new WebEncodeError('WE-STO-006', `Its bytes must have the SHA-256 ${given}`)
      }
      objects.set(path, bytes)
      writtenAtMs.set(bytes, clock.now())
      return { url: '', size: bytes.length, etag: '', sha256 }
    },
    download({ path, range }) {
      const bytes = find(path)
      const part = bytes.slice(range?.start, range?.end === undefined ? undefined : range.end + 1)
      return Promise.resolve({
        metadata: infoOf(path),
        body: new Blob([part as Uint8Array<ArrayBuffer>]).stream(),
      })
    },
    delete({ path }) {
      objects.delete(path)
      return Promise.resolve()
    },
    getUrl: urlOf,
    getUploadUrl: urlOf,
    listObjects({ prefix }) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix))
      return Promise.resolve({ objects: keys.map(infoOf) })
    },
    getObjectMetadata: async ({ path }) => infoOf(path),
    getCapabilities: () =>
      Promise.resolve({
        supportsBrowse: true,
        supportsUpload: true,
        supportsSignedUrls: true,
        supportsStreaming: true,
        storageType: 'test',
      }),
    browseRoots: () => Promise.resolve([testEntry]),
    browse: ({ path }) =>
      Promise.resolve({ currentPath: path, parentPath: '', entries: [testEntry] }),
  }
}

const testEntry = {
  name: 'media',
  path: '/media',
  isDirectory: true,
  size: 0,
  modTime: 1_700_000_000,
  extension: '',
  isVideo: false,
  isAudio: false,
  isImage: false,
}

/** The address that a refused sign-in is logged with. */
export async function signInAddress(
  { app, logLines }: Bench,
  peer: string,
  headers: Record<string, string>,
): Promise<unknown> {
  await app.request('/auth/link', { method: 'POST', headers }, { clientAddress: peer })
  const line = logLines.findLast((text) => text.includes('sign-in refused')) ?? '{}'
  return (JSON.parse(line) as { client_ip?: unknown }).client_ip
}
