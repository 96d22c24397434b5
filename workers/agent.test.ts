/** The agent against a scripted kernel: claims, heartbeats, lost leases, reports and drains, on a clock that stands still. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dispatchSubject, interruptSubject } from '../kernel/bus/subjects.ts'
import type { TaskResult } from '../kernel/contract/task.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { openBench, startWith } from './agent.fixture.ts'
import { briefFor, encodeResult } from './task.fixture.ts'
import { TaskFailed } from './tasks/context.ts'
import { createTransferMeter } from './transfer-meter.ts'

test('start() joins, claims up to its slots and reports what the handlers answered', async (t) => {
  const { kernel, begun, until, agent } = await startWith(t, ['a', 'b', 'c'])
  assert.equal(kernel.asked.join[0]?.workerId, 'w1')
  assert.equal(kernel.asked.claim[0]?.limit, 2)
  assert.deepEqual(kernel.ready.map(({ leaseToken }) => leaseToken), ['token-c'])
  ;(await begun('a')).finish()
  await begun('c')
  assert.deepEqual(kernel.asked.report, [{
    workerId: 'w1',
    taskId: 'job1.encode.a',
    leaseToken: 'token-a',
    outcome: { status: 'finished', result: encodeResult() },
  }])
  ;(await begun('b')).finish()
  ;(await begun('c')).finish()
  await until(({ running }) => running === 0)
  assert.deepEqual(agent.stats(), {
    state: 'working',
    slots: 2,
    running: 0,
    processes: 0,
    claimed: 3,
    finished: 3,
    failed: 0,
    released: 0,
    lost: 0,
  })
})

test('a doorbell makes the agent claim at once, and a poll every 2 s without one', async (t) => {
  const { kernel, bus, clock, begun } = await startWith(t, [])
  const before = kernel.asked.claim.length
  kernel.ready.push(briefFor('a'))
  await bus.publish(dispatchSubject('local', 'cpu'), { taskId: 'job1.encode.a' })
  await begun('a')
  kernel.ready.push(briefFor('b'))
  await clock.advance(1_999)
  assert.equal(kernel.ready.length, 1)
  await clock.advance(1)
  await begun('b')
  assert.ok(kernel.asked.claim.length > before)
})

test('doorbells by the thousand lead to a few claims, one at a time', async (t) => {
  const { kernel, bus } = await startWith(t, [])
  let asking = 0
  let most = 0
  kernel.script.claim = async () => {
    most = Math.max(most, ++asking)
    await new Promise((resolve) => setImmediate(resolve))
    asking--
    return { tasks: [] }
  }
  const before = kernel.asked.claim.length
  for (let i = 0; i < 1_000; i++) await bus.publish(dispatchSubject('local', 'cpu'), i)
  while (await bus.backlog('jobs.dispatch.>') > 0) await new Promise((done) => setImmediate(done))
  assert.equal(most, 1)
  const claims = kernel.asked.claim.length - before
  assert.ok(claims >= 1 && claims <= 500, `${claims} claims`)
})

test('a full agent leaves the doorbells to others until it has room', async (t) => {
  const { bus, begun, clock } = await startWith(t, ['a'], { slots: 1 })
  for (let i = 0; i < 5; i++) await bus.publish(dispatchSubject('local', 'cpu'), i)
  await clock.advance(0)
  assert.equal(await bus.backlog('jobs.dispatch.>'), 4)
  ;(await begun('a')).finish()
  while (await bus.backlog('jobs.dispatch.>') > 0) await new Promise((done) => setImmediate(done))
})

test('heartbeats go out every 5 s with all tasks, and after 2 s when there is progress', async (t) => {
  const { kernel, clock, begun } = await startWith(t, ['a', 'b'])
  await clock.advance(4_999)
  assert.equal(kernel.asked.heartbeat.length, 0)
  await clock.advance(1)
  assert.equal(kernel.asked.heartbeat.length, 1)
  assert.deepEqual(kernel.asked.heartbeat[0]?.usage, {
    cpuPercent: 50,
    memoryBytes: 100,
    processes: 0,
  })
  const { context } = await begun('a')
  for (let i = 1; i <= 50; i++) context.progress(i / 100, { fps: 25, speed: Number.NaN })
  await clock.advance(1_999)
  assert.equal(kernel.asked.heartbeat.length, 1)
  await clock.advance(1)
  assert.deepEqual(kernel.asked.heartbeat[1]?.progress, [
    { taskId: 'job1.encode.a', leaseToken: 'token-a', fraction: 0.5, fps: 25 },
    { taskId: 'job1.encode.b', leaseToken: 'token-b', fraction: 0 },
  ])
  await clock.advance(4_999)
  assert.equal(kernel.asked.heartbeat.length, 2)
})

test('heartbeats tell the bytes that were moved over the network', async (t) => {
  const { count, read } = createTransferMeter()
  const { kernel, clock } = await startWith(t, ['a'], { readTransferred: read })
  for (const direction of ['in', 'out', 'in'] as const) count(direction, 1_000)
  await clock.advance(5_000)
  const { bytesIn, bytesOut } = kernel.asked.heartbeat[0]?.usage ?? {}
  assert.deepEqual([bytesIn, bytesOut], [2_000, 1_000])
})

test('a lease that a heartbeat calls lost stops its task, which reports nothing', async (t) => {
  const { kernel, clock, begun, until, stored } = await startWith(t, ['a', 'b'])
  const { context } = await begun('a')
  await context.publish('/nowhere/half.mp4', 'half.mp4', 'video/mp4')
  kernel.lost.add('job1.encode.a')
  await clock.advance(5_000)
  await until(({ lost }) => lost === 1)
  await until(({ running }) => running === 1)
  assert.equal(context.signal.aborted, true)
  assert.deepEqual(kernel.asked.report, [])
  assert.deepEqual([...stored.keys()], [])
})

test('an interrupt stops the task of its token at once, and no other', async (t) => {
  const { bus, begun, until } = await startWith(t, ['a', 'b'])
  const subject = interruptSubject('w1')
  await bus.publish(subject, 'nonsense')
  await bus.publish(subject, { taskId: 'job1.encode.a', leaseToken: 'an older one' })
  await bus.publish(subject, { taskId: 'job1.encode.b', leaseToken: 'token-b' })
  await until(({ lost }) => lost === 1)
  assert.equal((await begun('a')).context.signal.aborted, false)
  assert.equal((await begun('b')).context.signal.aborted, true)
})

test('a handler that finishes although its lease was lost reports nothing', async (t) => {
  const { kernel, clock, begun, until } = await startWith(t, ['a'], { stubborn: true })
  kernel.lost.add('job1.encode.a')
  await clock.advance(5_000)
  ;(await begun('a')).finish()
  await until(({ running }) => running === 0)
  assert.deepEqual(kernel.asked.report, [])
})

test('a handler that does not stop is given up after 30 s', async (t) => {
  const { kernel, clock, until } = await startWith(t, ['a'], { stubborn: true })
  kernel.lost.add('job1.encode.a')
  await clock.advance(5_000)
  await clock.advance(29_999)
  await clock.advance(1)
  await until(({ running, lost }) => running === 0 && lost === 1)
})

test('a task that takes longer than its time limit is stopped and reported as timeout', async (t) => {
  const { kernel, clock, until } = await startWith(t, ['a'], { changes: { timeoutMs: 60_000 } })
  await clock.advance(60_000)
  await until(({ failed, running }) => failed === 1 && running === 0)
  const outcome = kernel.asked.report[0]?.outcome
  assert.equal(outcome?.status === 'failed' && outcome.failure.kind, 'timeout')
})

test('failures are reported in the words of the retry policy', async (t) => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const known = { kind: 'wrong-output', code: 'WE-JOB-008', message: '249 of 250 frames' } as const
  const cases: [unknown, string][] = [
    [new TaskFailed(known), 'wrong-output'],
    [full, 'storage-full'],
    [new WebEncodeError('WE-STO-003', 'full'), 'storage-full'],
    [new WebEncodeError('WE-JOB-002', 'refused'), 'invalid-input'],
    [new WebEncodeError('WE-JOB-002', 'no answer', { next: 'retry' }), 'source-unavailable'],
    [new Error('x'.repeat(5_000)), 'internal'],
    ['not even an error', 'internal'],
  ]
  const names = cases.map((_, i) => `t${i}`)
  const { kernel, begun, until } = await startWith(t, names, { slots: 10 })
  for (const [i, [thrown]] of cases.entries()) (await begun(`t${i}`)).fail(thrown)
  await until(({ failed, running }) => failed === cases.length && running === 0)
  const kinds = new Map(kernel.asked.report.map(({ taskId, outcome }) => [
    taskId,
    outcome.status === 'failed' ? outcome.failure.kind : outcome.status,
  ]))
  for (const [i, [, kind]] of cases.entries()) assert.equal(kinds.get(`job1.encode.t${i}`), kind)
})

test('a result of another kind, or one that is malformed, is a failure of the handler', async (t) => {
  const { kernel, begun, until } = await startWith(t, ['a', 'b'])
  ;(await begun('a')).finish({ ...encodeResult(), kind: 'audio' } as TaskResult)
  ;(await begun('b')).finish({ ...encodeResult(), frames: -1 } as TaskResult)
  await until(({ running }) => running === 0)
  const kinds = kernel.asked.report.map(({ outcome }) =>
    outcome.status === 'failed' && outcome.failure.kind
  )
  assert.deepEqual(kinds, ['internal', 'internal'])
})

test('reports are repeated until the kernel answers, while heartbeats go on', async (t) => {
  const { kernel, clock, begun, until } = await startWith(t, ['a'])
  kernel.script.report = () => Promise.reject(new WebEncodeError('WE-SYS-004', 'starting'))
  ;(await begun('a')).finish()
  await kernel.until((asked) => asked.report.length === 1)
  await clock.advance(60_000)
  assert.ok(kernel.asked.report.length > 4, `${kernel.asked.report.length} reports`)
  assert.equal(kernel.asked.heartbeat.at(-1)?.progress[0]?.leaseToken, 'token-a')
  delete kernel.script.report
  await clock.advance(15_000)
  await until(({ running }) => running === 0)
})

test('the outputs of a refused report are deleted, those of an uncertain one are kept', async (t) => {
  const { kernel, clock, begun, until, stored } = await startWith(t, ['a', 'b'])
  kernel.reportReply = { accepted: false }
  const a = await begun('a')
  await a.context.publish('/nowhere/a.mp4', 'a.mp4', 'video/mp4')
  assert.ok(stored.has('jobs/job1/work/a/1/a.mp4'))
  a.finish()
  await until(({ running }) => running === 1)
  assert.ok(!stored.has('jobs/job1/work/a/1/a.mp4'))

  const b = await begun('b')
  await b.context.publish('/nowhere/b.mp4', 'b.mp4', 'video/mp4')
  kernel.script.report = () => Promise.reject(new WebEncodeError('WE-SYS-003', 'answer lost'))
  b.finish()
  await kernel.until((asked) => asked.report.length === 2)
  delete kernel.script.report
  await clock.advance(1_000)
  await until(({ running }) => running === 0)
  assert.ok(stored.has('jobs/job1/work/b/1/b.mp4'))
})

test('a heartbeat that calls a task lost while its report is under way changes nothing', async (t) => {
  const { kernel, clock, begun, until, stored, agent } = await startWith(t, ['a'])
  const answered = Promise.withResolvers<void>()
  kernel.script.report = async () => {
    await answered.promise
    return { accepted: true }
  }
  const a = await begun('a')
  await a.context.publish('/nowhere/a.mp4', 'a.mp4', 'video/mp4')
  a.finish()
  await kernel.until((asked) => asked.report.length === 1)
  kernel.lost.add('job1.encode.a')
  await clock.advance(5_000)
  answered.resolve()
  await until(({ running }) => running === 0)
  assert.ok(stored.has('jobs/job1/work/a/1/a.mp4'))
  assert.equal(agent.stats().finished, 1)
})

test('the directory of a task and all before it are gone at the end; its log is kept', async (t) => {
  const bench = openBench(t)
  mkdirSync(join(bench.workDirectory, 'former.1/deep'), { recursive: true })
  bench.kernel.ready.push(briefFor('a'), briefFor('b'))
  await bench.kernel.start()
  await bench.agent.start()
  assert.equal(existsSync(join(bench.workDirectory, 'former.1')), false)
  const a = await bench.begun('a')
  const b = await bench.begun('b')
  writeFileSync(join(a.context.directory, 'chunk.mp4'), 'x')
  a.context.record('frame= 250')
  a.finish()
  b.fail(new Error('broken'))
  await bench.until(({ running }) => running === 0)
  assert.deepEqual(readdirSync(bench.workDirectory), [])
  assert.deepEqual([...bench.stored.keys()].toSorted(), [
    'jobs/job1/logs/job1.encode.a.1.log',
    'jobs/job1/logs/job1.encode.b.1.log',
  ])
})

test('the agent joins when the kernel comes up, later than itself', async (t) => {
  const { kernel, clock, agent, until } = openBench(t)
  await agent.start()
  await clock.advance(3_000)
  assert.equal(agent.stats().state, 'joining')
  await kernel.start()
  await clock.advance(10_000)
  await until(({ state }) => state === 'working')
})

test('the agent joins again, with the same session and its tasks, when the kernel forgot it', async (t) => {
  const { kernel, clock, begun, until } = await startWith(t, ['a'])
  const { context } = await begun('a')
  kernel.script.heartbeat = () => Promise.reject(new WebEncodeError('WE-WRK-001', 'who?'))
  await clock.advance(5_000)
  await kernel.until((asked) => asked.join.length === 2)
  delete kernel.script.heartbeat
  await until(({ state }) => state === 'working')
  assert.equal(kernel.asked.join[0]?.session, kernel.asked.join[1]?.session)
  assert.equal(context.signal.aborted, false)
  await clock.advance(5_000)
  assert.equal(kernel.asked.heartbeat.at(-1)?.progress[0]?.leaseToken, 'token-a')
})

test('drain() claims no more, lets tasks finish, and leaves', async (t) => {
  const { kernel, agent, begun, clock } = await startWith(t, ['a'])
  const drained = agent.drain(60_000)
  kernel.ready.push(briefFor('b'))
  await clock.advance(10_000)
  assert.equal(kernel.ready.length, 1)
  assert.equal(agent.stats().state, 'draining')
  ;(await begun('a')).finish()
  await drained
  assert.equal(kernel.asked.report[0]?.outcome.status, 'finished')
  assert.equal(kernel.asked.leave.length, 1)
  assert.equal(agent.stats().state, 'stopped')
})

test('drain() gives back what is not finished in time', async (t) => {
  const { kernel, agent, clock } = await startWith(t, ['a', 'b'])
  const drained = agent.drain(10_000)
  await clock.advance(10_000)
  await drained
  assert.deepEqual(kernel.asked.report.map(({ outcome }) => outcome.status), [
    'released',
    'released',
  ])
  assert.deepEqual(agent.stats().released, 2)
})

test('stop() ends although the kernel is gone', async (t) => {
  const { kernel, agent, clock, until } = await startWith(t, ['a'])
  await kernel.stop()
  const stopped = agent.stop()
  await clock.advance(0)
  await until(({ released }) => released === 1)
  await clock.advance(5_000)
  await stopped
  assert.equal(agent.stats().state, 'stopped')
})

test('stop() gives back the tasks of a claim that was under way', async (t) => {
  const { kernel, agent, bus, clock } = await startWith(t, [])
  const answered = Promise.withResolvers<void>()
  kernel.script.claim = async () => {
    await answered.promise
    return { tasks: [briefFor('late')] } as never
  }
  const before = kernel.asked.claim.length
  await bus.publish(dispatchSubject('local', 'cpu'), 1)
  await kernel.until((asked) => asked.claim.length > before)
  const stopped = agent.stop()
  answered.resolve()
  await clock.advance(0)
  await stopped
  assert.deepEqual(kernel.asked.report.map(({ outcome }) => outcome.status), ['released'])
})
