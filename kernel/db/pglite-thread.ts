/** The thread that PGlite runs in, so that a long query never holds up the event loop of the process. */
import { readFile } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { messageOf } from '../errors.ts'
import type { ThreadReply, ThreadRequest, ThreadSetup } from './pglite-messages.ts'
import { plannerSettings } from './planner-settings.ts'
import { createPgliteSession, type PgliteSession, type SessionResult } from './pglite-session.ts'

/**
 * Settings of the server. PGlite's own would take 128 MB for shared buffers alone; our hot rows fit into far less, and
 * the system caches the files. Cached plans are kept generic: planning costs more than it gains on statements this short.
 */
const settings = [
  'shared_buffers=16MB',
  'wal_buffers=1MB',
  'max_connections=10',
  'max_wal_size=64MB',
  'work_mem=4MB',
  'maintenance_work_mem=16MB',
  'plan_cache_mode=force_generic_plan',
  ...Object.entries(plannerSettings).map(([name, value]) => `${name}=${value}`),
]

/** WAL segments of 4 MB: a fresh directory is 12 MB smaller than with the usual 16 MB. */
const initdbArguments = ['--wal-segsize=4']

async function openServer(setup: ThreadSetup): Promise<PGlite> {
  return await PGlite.create({
    ...(setup.dataDirectory !== null && { dataDir: setup.dataDirectory }),
    ...(setup.template !== null && { loadDataDir: await readTemplate(setup.template) }),
    startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])],
    initDbStartParams: initdbArguments,
  })
}

async function readTemplate(path: string): Promise<Blob> {
  return new Blob([await promisify(gunzip)(await readFile(path))])
}

function reply(message: ThreadReply): void {
  parentPort?.postMessage(message)
}

function answer(id: number, outcome: SessionResult): void {
  if (outcome.status === 'failed') reply({ kind: 'failed', id, report: outcome.report })
  else {reply({
      kind: 'rows',
      id,
      result: { columns: outcome.result.columns, rows: outcome.result.rows },
    })}
}

async function handle(
  server: PGlite,
  session: PgliteSession,
  request: ThreadRequest,
): Promise<void> {
  switch (request.kind) {
    case 'query':
      return answer(request.id, session.query(request.text, request.values, request.begin))
    case 'script':
      return answer(request.id, session.script(request.text))
    case 'dump': {
      const file = await server.dumpDataDir('none')
      return reply({
        kind: 'dumped',
        id: request.id,
        tar: new Uint8Array(await file.arrayBuffer()),
      })
    }
    case 'close':
      await server.close()
      return reply({ kind: 'done', id: request.id })
  }
}

async function main(): Promise<void> {
  const server = await openServer(workerData as ThreadSetup)
  const session = createPgliteSession(
    server,
    (channel, payload) => reply({ kind: 'notification', channel, payload }),
  )
  parentPort?.on('message', (request: ThreadRequest) => {
    handle(server, session, request).catch((failure: unknown) => {
      const report = {
        message: messageOf(failure),
        sqlState: undefined,
        detail: undefined,
        constraint: undefined,
      }
      reply({ kind: 'failed', id: request.id, report })
    })
  })
  reply({ kind: 'ready' })
}

main().catch((failure: unknown) => reply({ kind: 'unusable', message: messageOf(failure) }))
