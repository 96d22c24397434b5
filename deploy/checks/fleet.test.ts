/** Real agents against a real desk, on one bus: in with a token, through the commands of people, and out. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { finishedWith } from '../../actors/desk/answers.fixture.ts'
import {
  ann,
  eventually,
  openWorld,
  sourceUrl,
  type World,
} from '../../actors/desk/world.fixture.ts'
import { sampleWorker } from '../../actors/worker/sample.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { EncoderEngine } from '../../kernel/contract/encoder.ts'
import { readJob } from '../../kernel/db/jobs.ts'
import { readWorker } from '../../kernel/db/workers.ts'
import { silentLog } from '../../kernel/log.ts'
import { type AgentStats, createAgent } from '../../workers/agent.ts'
import { createCredentialFile } from '../../workers/credential.ts'
import type { ProxiedSource } from '../../workers/source-proxy.ts'
import type { TaskHandler } from '../../workers/tasks/context.ts'
import { WorkerLife } from '../box/worker-life.ts'

let world: World
/** Stopped at the end, however a test ended. */
const lives: WorkerLife[] = []
const directory = mkdtempSync(join(tmpdir(), 'fleet-'))

before(async () => {
  world = await openWorld({ version: '0.1.0' })
})
after(async () => {
  await Promise.all(lives.map((life) => life.stop()))
  await world.close()
  rmSync(directory, { recursive: true })
})

const handler: TaskHandler = ({ brief }) => {
  const outcome = finishedWith(brief)
  assert.equal(outcome.status, 'finished')
  return Promise.resolve(outcome.result)
}
/** Every agent has a session of its own. */
const { session: _, ...machine } = sampleWorker
const noEncoder: EncoderEngine = {
  getCapabilities: () =>
    Promise.resolve({
      name: 'ffmpeg',
      version: '5.1',
      videoCodecs: [],
      audioCodecs: [],
      gpuAccelerated: false,
      gpuType: 'none',
    }),
  run: () => Promise.reject(new Error('not run')),
  close: () => Promise.resolve(),
}

/** A source that no handler reads. */
function unread(url: string): ProxiedSource {
  return { url, bytes: () => 0, failure: () => undefined, close() {} }
}

/** A worker process without FFmpeg; `joinToken` is what its operator gave it. */
function startWorker(name: string, joinToken?: string) {
  const credential = join(directory, `credential-${name}`)
  let stats: AgentStats | undefined
  let begun = 0
  let isRemoved = false
  const life = new WorkerLife({
    open(ends) {
      begun++
      const agent = createAgent({
        ...ends,
        ...machine,
        workerId: name,
        joinToken,
        credentials: createCredentialFile(credential),
        bus: world.bus,
        clock: systemClock,
        log: silentLog,
        encoder: noEncoder,
        workDirectory: join(directory, `work-${name}-${begun}`),
        handlers: {
          probe: handler,
          encode: handler,
          audio: handler,
          stitch: handler,
          remux: handler,
          verify: handler,
        },
        objects: {
          put: (key) => Promise.resolve({ key, sizeBytes: 1, sha256: '0'.repeat(64) }),
          read: () => Promise.reject(new Error('nothing is read')),
          remove: () => Promise.resolve(),
          release() {},
        },
        sources: { add: (url) => unread(url), close: () => Promise.resolve() },
        onChange: (now) => void (stats = now),
      })
      return Promise.resolve({ agent, close: () => Promise.resolve() })
    },
    onRemoved: () => void (isRemoved = true),
    drainMs: 0,
    clock: systemClock,
    log: silentLog,
  })
  lives.push(life)
  return {
    start: () => life.start(),
    stop: () => life.stop(),
    until: (state: AgentStats['state']) => eventually(async () => stats?.state === state),
    lives: () => begun,
    isRemoved: () => isRemoved,
    hasCredential: () => existsSync(credential),
  }
}

const finished = async (jobId: string) =>
  await eventually(async () => (await readJob(world.db, jobId))?.status === 'completed')

test('a worker joins with a one-time token, works, and comes back with its credential', async () => {
  const { token } = await world.gateway.createJoinToken(3600, ann)
  const first = startWorker('w1', token)
  await first.start()
  await first.until('working')
  const { id } = await world.gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast' }, ann)
  await finished(id)
  await first.stop()
  assert.equal((await readWorker(world.db, 'w1'))?.status, 'offline')
  const second = startWorker('w1')
  await second.start()
  await second.until('working')
  await second.stop()
})

test('drain, undrain, restart and removal reach the process at once', async () => {
  const { gateway, db } = world
  const { token } = await gateway.createJoinToken(3600, ann)
  const worker = startWorker('w2', token)
  await worker.start()
  await worker.until('working')
  await gateway.drainWorker('w2', ann)
  await worker.until('draining')
  const { id } = await gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast' }, ann)
  await gateway.restartWorker('w2', ann)
  await eventually(async () => worker.lives() === 2)
  await worker.until('draining')
  assert.equal((await readWorker(db, 'w2'))?.command, 'drain')
  assert.equal((await readJob(db, id))?.status, 'queued')
  await gateway.undrainWorker('w2', ann)
  await finished(id)
  await gateway.removeWorker('w2', ann)
  await eventually(async () => worker.isRemoved())
  assert.equal(await readWorker(db, 'w2'), undefined)
  assert.equal(worker.hasCredential(), false)
  await worker.stop()
})

test('of two processes of one name the later one works, and the earlier one stops', async () => {
  const { token } = await world.gateway.createJoinToken(3600, ann)
  const earlier = startWorker('w3', token)
  await earlier.start()
  await earlier.until('working')
  const later = startWorker('w3')
  await later.start()
  await later.until('working')
  await earlier.until('joining')
  const { id } = await world.gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast' }, ann)
  await finished(id)
  assert.ok(world.refused.includes('WE-WRK-006'))
  await earlier.stop()
  assert.equal((await readWorker(world.db, 'w3'))?.status, 'healthy')
  await later.stop()
})
