/** The agent as one of a fleet: how it gets in, what people tell it, and what happens when it is refused or replaced. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandSubject, dispatchSubject } from '../kernel/bus/subjects.ts'
import { type ErrorCode, WebEncodeError } from '../kernel/errors.ts'
import { openBench, startWith } from './agent.fixture.ts'
import type { CredentialStore } from './credential.ts'
import { briefFor } from './task.fixture.ts'

const refusing = (code: ErrorCode) => () => Promise.reject(new WebEncodeError(code, 'no'))

/** A store in memory. */
function storeWith(credential?: string): CredentialStore & { kept: string | undefined } {
  return {
    kept: credential,
    read() {
      return Promise.resolve(this.kept)
    },
    write(text) {
      this.kept = text
      return Promise.resolve()
    },
    remove() {
      this.kept = undefined
      return Promise.resolve()
    },
  }
}

test('a join token is shown once, and the credential that it brought from then on', async (t) => {
  const credentials = storeWith()
  const { kernel, clock, agent, until } = openBench(t, { joinToken: 'wj_1', credentials })
  kernel.credential = 'wc_1'
  await kernel.start()
  await agent.start()
  await until(({ state }) => state === 'working')
  assert.equal(credentials.kept, 'wc_1')
  kernel.script.heartbeat = refusing('WE-WRK-001')
  await clock.advance(5_000)
  await kernel.until(({ join }) => join.length === 2)
  const shown = kernel.asked.join.map(({ joinToken, credential }) => [joinToken, credential])
  assert.deepEqual(shown, [['wj_1', undefined], [undefined, 'wc_1']])
  assert.deepEqual(kernel.asked.join.map(({ protocol }) => protocol), [1, 1])
})

test('a credential that cannot be kept works until the agent ends', async (t) => {
  const credentials = { ...storeWith(), write: () => Promise.reject(new Error('disk full')) }
  const { kernel, clock, agent, until, logged } = openBench(t, { joinToken: 'wj_1', credentials })
  kernel.credential = 'wc_1'
  await kernel.start()
  await agent.start()
  await until(({ state }) => state === 'working')
  assert.deepEqual(logged('error'), ['cannot keep the credential of this worker'])
  kernel.script.heartbeat = refusing('WE-WRK-001')
  await clock.advance(5_000)
  await kernel.until(({ join }) => join.length === 2)
  assert.equal(kernel.asked.join[1]?.credential, 'wc_1')
})

test('a credential that is refused gives way to the join token', async (t) => {
  const credentials = storeWith('wc_revoked')
  const { kernel, clock, agent, until } = openBench(t, { joinToken: 'wj_1', credentials })
  kernel.credential = 'wc_2'
  kernel.script.join = refusing('WE-AUTH-003')
  await kernel.start()
  await agent.start()
  await kernel.until(({ join }) => join.length === 1)
  delete kernel.script.join
  await clock.advance(500)
  await until(({ state }) => state === 'working')
  assert.equal(kernel.asked.join[0]?.credential, 'wc_revoked')
  assert.equal(kernel.asked.join[1]?.joinToken, 'wj_1')
  assert.equal(credentials.kept, 'wc_2')
})

for (const code of ['WE-AUTH-001', 'WE-AUTH-002', 'WE-WRK-004', 'WE-WRK-005'] as const) {
  test(`a worker that is refused with ${code} says so once, and asks again every minute`, async (t) => {
    const { kernel, clock, agent, until, logged } = openBench(t, { joinToken: 'wj_1' })
    kernel.script.join = () => Promise.reject(new WebEncodeError(code, 'no', { next: 'stop' }))
    await kernel.start()
    await agent.start()
    await kernel.until(({ join }) => join.length === 1)
    await clock.advance(59_999)
    assert.equal(kernel.asked.join.length, 1)
    await clock.advance(1)
    await clock.advance(60_000)
    assert.equal(kernel.asked.join.length, 3)
    assert.deepEqual(logged('error'), ['the kernel refuses this worker; asking again every minute'])
    delete kernel.script.join
    await clock.advance(60_000)
    await until(({ state }) => state === 'working')
  })
}

test('a drained worker finishes what it has, takes nothing new, stays, and works again when told', async (t) => {
  const { kernel, clock, bus, begun, until, agent } = await startWith(t, ['a'])
  kernel.command = 'drain'
  await clock.advance(5_000)
  await until(({ state }) => state === 'draining')
  const claims = kernel.asked.claim.length
  kernel.ready.push(briefFor('b'))
  await bus.publish(dispatchSubject('local', 'cpu'), 1)
  await clock.advance(10_000)
  assert.equal(kernel.asked.claim.length, claims)
  assert.equal(await bus.backlog('jobs.dispatch.>'), 1, 'the doorbell is left to others')
  ;(await begun('a')).finish()
  await until(({ running }) => running === 0)
  assert.equal(kernel.asked.report[0]?.outcome.status, 'finished')
  assert.deepEqual([agent.stats().state, kernel.asked.leave.length], ['draining', 0])
  kernel.command = 'work'
  await clock.advance(5_000)
  await begun('b')
  assert.equal(agent.stats().state, 'working')
})

test('a drain holds while the agent joins again', async (t) => {
  const { kernel, clock, until } = await startWith(t, [])
  kernel.command = 'drain'
  kernel.script.heartbeat = refusing('WE-WRK-001')
  await clock.advance(5_000)
  await until(({ state }) => state === 'draining')
  delete kernel.script.heartbeat
  const claims = kernel.asked.claim.length
  await clock.advance(20_000)
  assert.equal(kernel.asked.claim.length, claims)
})

test('a pushed command is quick; one for another session, and nonsense, change nothing', async (t) => {
  const { kernel, bus, until, agent, clock } = await startWith(t, [])
  const session = kernel.asked.join[0]?.session ?? ''
  const subject = commandSubject('w1')
  await bus.publish(subject, { session: 'another', command: 'leave' })
  await bus.publish(subject, { session, command: 'explode' })
  await bus.publish(subject, 'nonsense')
  await clock.advance(0)
  assert.equal(agent.stats().state, 'working')
  await bus.publish(subject, { session, command: 'drain' })
  await until(({ state }) => state === 'draining')
  await bus.publish(subject, { session, command: 'work' })
  await until(({ state }) => state === 'working')
})

test('restart lets the tasks finish, leaves, and asks for a new agent', async (t) => {
  const { kernel, clock, begun, until, ends } = await startWith(t, ['a'])
  kernel.command = 'restart'
  await clock.advance(5_000)
  await until(({ state }) => state === 'draining')
  await clock.advance(60_000)
  assert.deepEqual([kernel.asked.leave.length, ends], [0, []])
  ;(await begun('a')).finish()
  await until(({ state }) => state === 'stopped')
  await clock.advance(0)
  assert.deepEqual([kernel.asked.leave.length, ends], [1, ['restart']])
  assert.equal(kernel.asked.report[0]?.outcome.status, 'finished')
})

test('restart gives back after ten minutes what is not finished', async (t) => {
  const { kernel, clock, until, ends } = await startWith(t, ['a'])
  kernel.command = 'restart'
  await clock.advance(5_000 + 10 * 60_000)
  await until(({ state }) => state === 'stopped')
  await clock.advance(0)
  assert.equal(kernel.asked.report[0]?.outcome.status, 'released')
  assert.deepEqual(ends, ['restart'])
})

test('a removed worker leaves, and throws its credential away', async (t) => {
  const credentials = storeWith('wc_1')
  const { kernel, clock, until, ends } = await startWith(t, [], { credentials })
  kernel.command = 'leave'
  await clock.advance(5_000)
  await until(({ state }) => state === 'stopped')
  await clock.advance(0)
  assert.deepEqual([kernel.asked.leave.length, ends, credentials.kept], [1, ['removed'], undefined])
})

test('a worker that restarts can still be removed, but not called back', async (t) => {
  const { kernel, clock, begun, until, ends } = await startWith(t, ['a'])
  for (const command of ['restart', 'work', 'leave', 'restart', 'work'] as const) {
    kernel.command = command
    await clock.advance(5_000)
  }
  ;(await begun('a')).finish()
  await until(({ state }) => state === 'stopped')
  await clock.advance(0)
  assert.deepEqual(ends, ['removed'])
})

test('an agent whose process ends hears no more commands', async (t) => {
  const { kernel, clock, begun, agent, ends } = await startWith(t, ['a'])
  const drained = agent.drain(60_000)
  kernel.command = 'restart'
  await clock.advance(10_000)
  ;(await begun('a')).finish()
  await drained
  assert.deepEqual(ends, [])
})

test('an agent whose name was taken stops at once, and asks for it back, yielding, every minute', async (t) => {
  const { kernel, clock, begun, until, logged } = await startWith(t, ['a'])
  const { context } = await begun('a')
  kernel.script.heartbeat = refusing('WE-WRK-006')
  kernel.script.join = refusing('WE-WRK-006')
  await clock.advance(5_000)
  await until(({ running, lost, state }) => running === 0 && lost === 1 && state === 'joining')
  assert.equal(context.signal.aborted, true)
  assert.deepEqual(kernel.asked.report, [])
  const claims = kernel.asked.claim.length
  await clock.advance(59_999)
  assert.equal(kernel.asked.join.length, 1)
  await clock.advance(60_001)
  assert.deepEqual(kernel.asked.join.map(({ yields }) => yields), [undefined, true, true])
  assert.equal(kernel.asked.claim.length, claims)
  assert.equal(logged('error').length, 2)
  delete kernel.script.heartbeat
  delete kernel.script.join
  await clock.advance(60_000)
  await until(({ state }) => state === 'working')
})

test('the encoders of a worker come with its join, and with a heartbeat once they have changed', async (t) => {
  const encoders = [{ id: 'encoder-ffmpeg', version: '1', tools: [] }]
  const { kernel, clock } = await startWith(t, [], { listEncoders: async () => [...encoders] })
  assert.deepEqual(kernel.asked.join[0]?.encoders, encoders)
  await clock.advance(5_000)
  encoders.push({ id: 'second', version: '1', tools: [] })
  await clock.advance(5_000)
  await kernel.until(({ heartbeat }) => heartbeat.length === 2)
  assert.deepEqual(kernel.asked.heartbeat.map((beat) => beat.encoders?.length), [undefined, 2])
})

test('a kernel that does not know of encoders takes the worker in without them', async (t) => {
  const { kernel, agent, until } = openBench(t, { listEncoders: async () => [] })
  kernel.script.join = () => {
    delete kernel.script.join
    return Promise.reject(new WebEncodeError('WE-WRK-004', 'Unrecognized key', { next: 'stop' }))
  }
  await kernel.start()
  await agent.start()
  await until(({ state }) => state === 'working')
  assert.deepEqual(kernel.asked.join.map(({ encoders }) => encoders), [[], undefined])
})
