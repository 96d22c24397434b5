import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { listAuditEvents } from '../../kernel/db/audit-events.ts'
import { sql } from '../../kernel/db/database.ts'
import { listJoinTokens } from '../../kernel/db/join-tokens.ts'
import { listWorkers, readWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { workerActorIdFrom } from '../../kernel/ids.ts'
import { createAttendance } from '../desk/attendance.ts'
import { finishedWith } from '../desk/answers.fixture.ts'
import {
  ann,
  eventually,
  openWorld,
  sourceUrl,
  workerOf,
  type World,
} from '../desk/world.fixture.ts'
import { sampleWorker } from '../worker/sample.ts'

let world: World
let count = 0
let id: string
let worker: ReturnType<typeof workerOf>

before(async () => {
  world = await openWorld()
})
after(() => world.close())
beforeEach(async () => {
  id = `w${++count}`
  worker = workerOf(world, `session-1-of-${id}`, id)
  await worker.join()
})

const refused = (code: string, problem: RegExp = /./) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, problem)
  return true
}
const submit = () =>
  world.gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast', priority: 100 }, ann)
const nextSession = (number: number) => workerOf(world, `session-${number}-of-${id}`, id)

/** Everything that is stored about the worker. */
async function traces(): Promise<number> {
  const actorId = workerActorIdFrom(id)
  const [row] = await world.db.query<{ n: number }>(sql`
    SELECT ((SELECT count(*) FROM workers WHERE id = ${id})
      + (SELECT count(*) FROM actors WHERE id = ${actorId})
      + (SELECT count(*) FROM event_log WHERE actor_id = ${actorId})
      + (SELECT count(*) FROM inbox WHERE actor_id = ${actorId}))::int AS n`)
  return row?.n ?? -1
}

test('drainWorker() gives the worker nothing new, lets it finish, and is told at once', async () => {
  const { id: jobId } = await submit()
  const held = await eventually(async () => {
    const briefs = await worker.claim(1)
    return briefs.length === 1 && briefs
  })
  const pushed: unknown[] = []
  const subject = `workers.${id}.command`
  const subscription = await world.bus.subscribe(subject, ({ data }) => void pushed.push(data))
  const drained = await world.gateway.drainWorker(id, ann)
  assert.deepEqual([drained.status, drained.command, drained.tasks_running], [
    'draining',
    'drain',
    1,
  ])
  const told = await eventually(async () => pushed[0])
  assert.deepEqual(told, { session: `session-1-of-${id}`, command: 'drain' })
  await subscription.close()
  await submit()
  assert.deepEqual(await worker.claim(), [])
  assert.deepEqual(await worker.heartbeat(held), { lost: [], command: 'drain' })
  assert.equal(await worker.report(held[0]!, finishedWith(held[0]!)), true)
  await world.gateway.cancelJob(jobId, ann)
})

test('a drain holds over new processes and silence until undrainWorker()', async () => {
  await world.gateway.drainWorker(id, ann)
  assert.equal((await world.gateway.drainWorker(id, ann)).command, 'drain')
  await worker.leave()
  assert.deepEqual((await readWorker(world.db, id))?.status, 'offline')
  const next = nextSession(2)
  assert.equal((await next.join()).command, 'drain')
  assert.deepEqual(await next.claim(), [])
  const back = await world.gateway.undrainWorker(id, ann)
  assert.deepEqual([back.status, back.command], ['healthy', 'work'])
  assert.equal((await next.heartbeat()).command, 'work')
  assert.equal((await world.gateway.undrainWorker(id, ann)).command, 'work')
})

test('a worker that is offline can be drained and undrained, but not restarted', async () => {
  await worker.leave()
  assert.equal((await world.gateway.drainWorker(id, ann)).command, 'drain')
  assert.equal((await world.gateway.undrainWorker(id, ann)).command, 'work')
  await assert.rejects(world.gateway.restartWorker(id, ann), refused('WE-WRK-003', /offline/))
})

test('restartWorker() holds until the next session, which works again unless drained', async () => {
  assert.equal((await world.gateway.restartWorker(id, ann)).command, 'restart')
  assert.equal((await worker.heartbeat()).command, 'restart')
  assert.deepEqual(await worker.claim(), [])
  await assert.rejects(world.gateway.drainWorker(id, ann), refused('WE-WRK-002', /restarting/))
  await worker.leave()
  assert.equal((await nextSession(2).join()).command, 'work')
  await world.gateway.drainWorker(id, ann)
  await world.gateway.restartWorker(id, ann)
  assert.equal((await nextSession(3).join()).command, 'drain')
})

test('removeWorker() waits for the worker to finish, then nothing of it is left', async () => {
  await world.gateway.removeWorker(id, ann)
  await world.gateway.removeWorker(id, ann)
  assert.equal((await worker.heartbeat()).command, 'leave')
  assert.equal((await readWorker(world.db, id))?.command, 'leave')
  await assert.rejects(world.gateway.restartWorker(id, ann), refused('WE-WRK-002', /removed/))
  await worker.leave()
  assert.equal(await traces(), 0)
  await assert.rejects(world.gateway.removeWorker(id, ann), refused('WE-WRK-001'))
})

test('removeWorker() of one that is offline deletes it at once, and it may join as a new one', async () => {
  await world.gateway.drainWorker(id, ann)
  await worker.leave()
  await world.gateway.removeWorker(id, ann)
  assert.equal(await traces(), 0)
  assert.equal((await nextSession(2).join()).command, 'work')
})

test('a worker that falls silent while it leaves is gone, too, even if the kernel crashes before', async () => {
  await world.gateway.removeWorker(id, ann)
  const { status } = await world.engine.send(workerActorIdFrom(id), {
    type: 'silent',
    session: `session-1-of-${id}`,
  })
  assert.equal(status, 'applied')
  assert.ok(!(await listWorkers(world.db)).some((each) => each.id === id))
  const attendance = createAttendance({
    ...world,
    leaseMs: 60_000,
    heartbeatMs: 30_000,
    admission: 'open',
  })
  await attendance.missSilent()
  assert.equal(await traces(), 0)
})

test('a removed worker whose rows are still there joins as a new one', async () => {
  await world.gateway.removeWorker(id, ann)
  await world.engine.send(workerActorIdFrom(id), { type: 'silent', session: `session-1-of-${id}` })
  assert.equal((await nextSession(2).join()).command, 'work')
})

test('the audit has every life of a worker that was removed and let in anew', async () => {
  await world.gateway.removeWorker(id, ann)
  await worker.leave()
  await nextSession(2).join()
  const { events } = await listAuditEvents(world.db, { resourceId: id, action: 'worker.joined' })
  assert.equal(events.length, 2)
})

test('a join that is still under way leaves the process alone that has joined meanwhile', async () => {
  const { promise: isAsked, resolve: onAsked } = Promise.withResolvers<void>()
  const { promise: isOver, resolve: goOn } = Promise.withResolvers<void>()
  const slow = createAttendance({
    ...world,
    store: {
      async listWorkerLeases(workerId) {
        onAsked()
        await isOver
        return await world.store.listWorkerLeases(workerId)
      },
    },
    leaseMs: 60_000,
    heartbeatMs: 30_000,
    admission: 'open',
  })
  const session = `session-2-of-${id}`
  const first = slow.join({ ...sampleWorker, workerId: id, session })
  await isAsked
  // The worker had no answer, and asks again.
  const next = nextSession(2)
  await next.join()
  const { id: jobId } = await submit()
  const [held] = await eventually(async () => {
    const briefs = await next.claim(1)
    return briefs.length === 1 && briefs
  })
  goOn()
  await first
  assert.deepEqual((await next.heartbeat([held!])).lost, [])
  await world.gateway.cancelJob(jobId, ann)
})

test('commands for a worker that nobody knows are WE-WRK-001', async () => {
  const { gateway } = world
  for (const name of ['drainWorker', 'undrainWorker', 'restartWorker', 'removeWorker'] as const) {
    await assert.rejects(gateway[name]('nobody', ann), refused('WE-WRK-001'))
  }
})

test('createJoinToken() shows the token once; deleteJoinToken() takes it back', async () => {
  const { token, ...view } = await world.gateway.createJoinToken(3600, ann)
  assert.match(token, /^wj_.{43}$/)
  assert.equal(Date.parse(view.expires_at) - Date.parse(view.created_at), 3_600_000)
  assert.deepEqual((await listJoinTokens(world.db)).find((each) => each.id === view.id), view)
  await world.gateway.deleteJoinToken(view.id, ann)
  assert.deepEqual(await listJoinTokens(world.db), [])
  await assert.rejects(world.gateway.deleteJoinToken(view.id, ann), refused('WE-WRK-007'))
})
