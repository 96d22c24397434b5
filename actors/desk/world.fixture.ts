/** The product without HTTP and without a real worker: database, engine, bus, desk and gateway, for tests. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bus } from '../../kernel/bus/bus.ts'
import { createMemoryBus } from '../../kernel/bus/memory.ts'
import { kernelSubjects } from '../../kernel/bus/subjects.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { SignedUrlRequest, StorageProvider } from '../../kernel/contract/storage.ts'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import type {
  HeartbeatReply,
  JoinReply,
  JoinRequest,
  ObjectUrlReply,
  ReportRequest,
} from '../../kernel/contract/worker.ts'
import { createActorStore } from '../../kernel/db/actors.ts'
import { readEncoderRouting } from '../../kernel/db/encoder-routing.ts'
import { migrate } from '../../kernel/db/migrate.ts'
import { openPglite } from '../../kernel/db/pglite.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import { silentLog } from '../../kernel/log.ts'
import { presets } from '../../kernel/profiles.ts'
import { actorDefinitions } from '../definitions.ts'
import { busHandlers } from '../engine/bus-effects.ts'
import { createEngine } from '../engine/engine.ts'
import { createRegistry } from '../engine/registry.ts'
import { createGateway } from '../gateway/gateway.ts'
import { createCleaner } from '../gateway/objects.ts'
import { sampleWorker } from '../worker/sample.ts'
import { createDesk, type DeskOptions } from './desk.ts'

export type World = Awaited<ReturnType<typeof openWorld>>

/** Somebody who asks. */
export const ann: Caller = {
  userId: 'ann',
  username: 'Ann',
  role: 'operator',
  correlationId: 'req-1',
}

/** A source that exists in the fixture; `https://gone.example/` does not. */
export const sourceUrl = 'https://media.example/film.mp4'

/** The migrated database of the build, for a faster start: beside the compiled code, or where the build put it. */
const template = ['../../kernel/db/template.tar.gz', '../../dist/kernel/db/template.tar.gz']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path))

/** Opens everything, with objects that are only keys; `close` ends it. Leases and silence last a minute and more. */
export async function openWorld(admission: DeskOptions['admission'] = 'open', log = silentLog) {
  return await openWorldOver(memoryStorage(), { admission, log })
}

type Objects = Pick<StorageProvider, 'listObjects' | 'delete' | 'getUrl' | 'getUploadUrl'>

/** The same over a storage of the caller's. @param options.resolveSource - @default sources are what their URLs say */
export async function openWorldOver<Storage extends Objects>(
  storage: Storage,
  options: Partial<Pick<DeskOptions, 'resolveSource' | 'admission' | 'log'>> = {},
) {
  const { log = silentLog } = options
  const refused: string[] = []
  const clock = systemClock
  const db = await openPglite({
    directory: null,
    log,
    ...(template !== undefined && { template }),
  })
  await migrate(db)
  const store = createActorStore(db)
  const bus = createMemoryBus({ clock, log })
  const checkSource = async (url: string) => {
    if (!url.includes('gone')) return { type: 'url', url } as const
    throw new WebEncodeError('WE-JOB-002', 'The source is gone', { path: 'source_url' })
  }
  const resolveSource = async (url: string) => ({
    url: (await checkSource(url)).url,
    name: 'film.mp4',
  })
  const deskOptions = {
    leaseMs: 60_000,
    heartbeatMs: 30_000,
    resolveSource,
    readEncoders: () => readEncoderRouting(db),
    admission: 'open' as const,
    onRefused: (code: string) => void refused.push(code),
    ...options,
  }
  const engine = createEngine({
    store,
    registry: createRegistry(actorDefinitions),
    clock,
    log,
    handlers: { ...busHandlers(bus), clean: createCleaner({ storage, db }) },
    relayEveryMs: 20,
  })
  const common = { engine, store, db, bus, storage, clock, log }
  const desk = createDesk({ ...common, ...deskOptions })
  const gateway = createGateway({ ...common, profiles: presets, sources: { checkSource } })
  engine.start()
  await desk.start()
  return {
    ...common,
    gateway,
    /** Codes of what the desk refused. */
    refused,
    async close() {
      await desk.stop()
      await engine.stop()
      await bus.close()
      await db.close()
    },
  }
}

/** A worker without FFmpeg: it asks the desk, and answers what it is told to. */
export function workerOf({ bus }: { readonly bus: Bus }, session = 'session-1', workerId = 'w1') {
  const ask = async <Reply>(subject: string, data: unknown): Promise<Reply> =>
    (await bus.request(subject, data as Json, { timeoutMs: 5000 })) as Reply
  return {
    session,
    join: (shown: Partial<JoinRequest> = {}) =>
      ask<JoinReply>(kernelSubjects.join, { ...sampleWorker, workerId, session, ...shown }),
    leave: () => ask(kernelSubjects.leave, { workerId, session }),
    async claim(limit = 64): Promise<TaskBrief[]> {
      const lanes = ['probe', 'cpu', 'copy']
      const request = { workerId, session, lanes, region: 'local', limit }
      return (await ask<{ tasks: TaskBrief[] }>(kernelSubjects.claim, request)).tasks
    },
    heartbeat: (held: readonly TaskBrief[] = [], fraction = 0.5) =>
      ask<HeartbeatReply>(kernelSubjects.heartbeat, {
        workerId,
        session,
        progress: held.map(({ taskId, leaseToken }) => ({ taskId, leaseToken, fraction })),
      }),
    url: ({ taskId, leaseToken }: TaskBrief, want: object) =>
      ask<ObjectUrlReply>(kernelSubjects.url, { workerId, session, taskId, leaseToken, ...want }),
    remove: ({ taskId, leaseToken }: TaskBrief, key: string) =>
      ask(kernelSubjects.remove, { workerId, session, taskId, leaseToken, key }),
    async report({ taskId, leaseToken }: TaskBrief, outcome: ReportRequest['outcome']) {
      const request = { workerId, taskId, leaseToken, outcome }
      return (await ask<{ accepted: boolean }>(kernelSubjects.report, request)).accepted
    },
  }
}

/** Asks again until `read` answers something; for effects that the relay carries out. */
export async function eventually<T>(read: () => Promise<T | undefined | false>): Promise<T> {
  const giveUpAt = Date.now() + 10_000
  for (;;) {
    const found = await read()
    if (found !== undefined && found !== false) return found
    if (Date.now() > giveUpAt) throw new Error(`still not so after 10 s: ${read.toString()}`)
    await systemClock.sleep(5)
  }
}

/** The keys of objects, and nothing else. */
function memoryStorage() {
  const keys = new Set<string>()
  return {
    keys,
    async listObjects({ prefix }: { prefix: string }) {
      const found = [...keys].filter((key) => key.startsWith(prefix))
      return { objects: found.map((key) => ({ key, size: 1, etag: '', lastModified: 0 })) }
    },
    async delete({ path }: { path: string }) {
      keys.delete(path)
    },
    async getUrl({ objectKey }: { objectKey: string }) {
      return { url: `file:///${objectKey}`, headers: {}, expiresAt: 0 }
    },
    async getUploadUrl({ objectKey, contentType = '' }: SignedUrlRequest) {
      const headers = { 'content-type': contentType }
      return { url: `put:///${objectKey}`, headers, expiresAt: 0, isResumable: true }
    },
  }
}
