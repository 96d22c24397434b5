import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { kernelSubjects } from '../../kernel/bus/subjects.ts'
import { sql } from '../../kernel/db/database.ts'
import { revokeWorkerCredential } from '../../kernel/db/worker-credentials.ts'
import { listWorkers, readWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { workerActorIdFrom } from '../../kernel/ids.ts'
import { createLog } from '../../kernel/log.ts'
import { ann, openWorld, workerOf, type World } from './world.fixture.ts'

const fixedToken = 'the-fixed-token-of-the-cluster'
const lines: string[] = []
let world: World
let count = 0
let id: string
let worker: ReturnType<typeof workerOf>

before(async () => {
  const log = createLog('warn', (line) => void lines.push(line))
  world = await openWorld({ joinToken: fixedToken, version: '0.4.2' }, log)
})
after(() => world.close())
beforeEach(() => {
  id = `w${++count}`
  worker = workerOf(world, `session-1-of-${id}`, id)
  lines.length = 0
  world.refused.length = 0
})

const refused = (code: string, problem: RegExp = /./) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, problem)
  return true
}
/** A stalled machine has other warnings: a worker that fell silent, a transaction that is tried again. */
const refusals = () => lines.filter((line) => line.includes('refused a worker'))
const makeToken = async () => (await world.gateway.createJoinToken(3600, ann)).token
const expire = () => world.db.query(sql`UPDATE join_tokens SET expires_at = now()`)

/** Nothing was written, the refusal was logged once, and counted twice. */
async function assertRefused(join: () => Promise<unknown>, code: string, problem: RegExp) {
  const before = await listWorkers(world.db)
  await assert.rejects(join, refused(code, problem))
  await assert.rejects(join, refused(code, problem))
  assert.deepEqual(await listWorkers(world.db), before)
  assert.equal(refusals().length, 1, lines.join('\n'))
  assert.match(refusals()[0] ?? '', new RegExp(`"worker_id":"${id}".*"error_code":"${code}"`))
  assert.deepEqual(world.refused, [code, code])
}

test('a worker that shows nothing is refused', async () => {
  await assertRefused(() => worker.join(), 'WE-AUTH-001', /showed neither/)
})

test('an unknown token is refused, and its text is in no log', async () => {
  const joinToken = 'wj_guessed'
  await assertRefused(() => worker.join({ joinToken }), 'WE-AUTH-001', /no such token/)
  assert.doesNotMatch(lines.join(), /guessed/)
})

test('an expired token is refused', async () => {
  const joinToken = await makeToken()
  await expire()
  await assertRefused(() => worker.join({ joinToken }), 'WE-AUTH-002', /expired/)
})

test('a token that another worker used is refused', async () => {
  const joinToken = await makeToken()
  await workerOf(world, 'session-of-first', `${id}-first`).join({ joinToken })
  await assertRefused(() => worker.join({ joinToken }), 'WE-AUTH-001', /used before/)
})

test('a token lets one process in, which may ask again when it missed the answer', async () => {
  const joinToken = await makeToken()
  const lost = await worker.join({ joinToken })
  const { credential } = await worker.join({ joinToken })
  assert.match(credential ?? '', /^wc_.{43}$/)
  assert.notEqual(credential, lost.credential)
  const next = workerOf(world, 'session-2-of-the-worker', id)
  await assert.rejects(next.join({ joinToken }), refused('WE-AUTH-001', /used before/))
  assert.equal((await next.join({ credential: credential! })).credential, undefined)
})

test('two workers with one token: one of them joins', async () => {
  const joinToken = await makeToken()
  const other = workerOf(world, 'session-of-the-other', `${id}-other`)
  const joins = await Promise.allSettled([worker.join({ joinToken }), other.join({ joinToken })])
  assert.deepEqual(joins.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('the fixed token lets in as often as it comes, with a new credential each time', async () => {
  const first = await worker.join({ joinToken: fixedToken })
  const next = workerOf(world, 'session-2-of-the-worker', id)
  const second = await next.join({ joinToken: fixedToken })
  assert.notEqual(first.credential, second.credential)
  await assert.rejects(next.join({ credential: first.credential! }), refused('WE-AUTH-001'))
  await next.join({ credential: second.credential! })
})

test('a credential is good for its own worker alone', async () => {
  const { credential } = await workerOf(world, 'session-of-owner', `${id}-owner`)
    .join({ joinToken: fixedToken })
  await assertRefused(
    () => worker.join({ credential: credential! }),
    'WE-AUTH-001',
    /another credential/,
  )
})

test('a revoked credential is refused until a token lets the worker in again', async () => {
  const { credential } = await worker.join({ joinToken: fixedToken })
  await revokeWorkerCredential(world.db, id)
  await assertRefused(() => worker.join({ credential: credential! }), 'WE-AUTH-003', /revoked/)
  await worker.join({ joinToken: fixedToken })
})

test('a worker of another protocol or major version is refused, and keeps its token', async () => {
  const joinToken = await makeToken()
  await assertRefused(
    () => worker.join({ joinToken, protocol: 2 }),
    'WE-WRK-005',
    /must speak protocol 1, and it speaks 2/,
  )
  for (const version of ['1.0.0', 'unknown', '']) {
    await assert.rejects(worker.join({ joinToken, version }), refused('WE-WRK-005', /version 0.x/))
  }
  await worker.join({ joinToken, version: '0.9.0', protocol: 1 })
})

test('no secret reaches the log, the event log or the actor', async () => {
  const joinToken = await makeToken()
  const { credential } = await worker.join({ joinToken })
  await workerOf(world, 'session-2-of-the-worker', id).join({ credential: credential! })
  const actor = await world.store.readActor(workerActorIdFrom(id))
  const kept = JSON.stringify([lines, actor, await world.store.readLog(workerActorIdFrom(id))])
  for (const secret of [joinToken, credential!]) assert.ok(!kept.includes(secret))
  const rows = await world.db.query(sql`SELECT * FROM join_tokens, worker_credentials`)
  for (const secret of [joinToken, credential!]) assert.ok(!JSON.stringify(rows).includes(secret))
})

test('a mistake is logged again after the worker was let in', async () => {
  await assert.rejects(worker.join())
  await worker.join({ joinToken: fixedToken })
  await assert.rejects(workerOf(world, 'session-2-of-the-worker', id).join())
  assert.equal(lines.filter((line) => line.includes('WE-AUTH-001')).length, 2)
})

test('the session of another worker, or of none, says nothing', async () => {
  await worker.join({ joinToken: fixedToken })
  const thief = workerOf(world, `session-1-of-${id}`, `${id}-unknown`)
  await assert.rejects(thief.claim(), refused('WE-WRK-001'))
  await assert.rejects(workerOf(world, 'stolen-session', id).heartbeat(), refused('WE-WRK-006'))
  assert.deepEqual(world.refused, ['WE-WRK-001', 'WE-WRK-006'])
  assert.equal((await readWorker(world.db, id))?.status, 'healthy')
})

test('messages that are not ours, or newer than ours, are refused on every subject', async () => {
  const { session } = { session: `session-1-of-${id}` }
  await worker.join({ joinToken: fixedToken })
  for (const subject of Object.values(kernelSubjects)) {
    for (const message of ['nonsense', null, { workerId: id, session, fromTheFuture: true }]) {
      const request = world.bus.request(subject, message, { timeoutMs: 5000 })
      await assert.rejects(request, refused('WE-WRK-004'))
    }
  }
  const subjects = Object.values(kernelSubjects).length
  assert.equal(world.refused.length, 3 * subjects)
  // Once for each subject of messages without an id, and once for the worker.
  assert.equal(refusals().length, subjects + 1, lines.join('\n'))
  assert.equal((await readWorker(world.db, id))?.status, 'healthy')
})

test('of two processes of one name the later one works, and the earlier one waits for it to go', async () => {
  const { credential } = await worker.join({ joinToken: fixedToken })
  const later = workerOf(world, 'session-2-of-the-worker', id)
  await later.join({ credential: credential! })
  await assert.rejects(worker.heartbeat(), refused('WE-WRK-006', /as another process/))
  const yielding = { credential: credential!, yields: true }
  await assert.rejects(worker.join(yielding), refused('WE-WRK-006'))
  await later.heartbeat()
  await later.leave()
  await worker.join(yielding)
  await worker.heartbeat()
})
