import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { maxLosses } from './attempts.ts'
import { taskMachineVersion } from './machine.ts'
import { type TaskContext, type TaskEvent, type TaskInput, usedAttempts } from './model.ts'
import { sampleResult, sampleTask } from './sample.ts'

const taskId = 'job-1.encode.00000'
const claim = { type: 'claim', workerId: 'w1', leaseToken: 't1' } as const
const finish = { type: 'finish', leaseToken: 't1', result: sampleResult } as const
const failure = {
  kind: 'encoder',
  code: 'WE-JOB-008',
  message: 'FFmpeg ended with code 1',
} as const
const fail = { type: 'fail', leaseToken: 't1', failure } as const
const ring = { name: 'ring', params: { taskId, lane: 'cpu', region: 'local' } }
const interrupt = { name: 'interrupt', params: { workerId: 'w1', taskId, leaseToken: 't1' } }

const task = (changes: Partial<TaskInput> = {}) => born('task', { ...sampleTask, ...changes })
const contextOf = ({ step }: Life) => step.context as unknown as TaskContext
const namesOf = ({ step }: Life) => step.effects.map(({ name }) => name)
const tellJob = (event: Json) => ({ name: 'tell', params: { to: 'job-1', event } })
const place = { kind: 'encode', index: 0 }

const lives: Readonly<Record<string, () => Life>> = {
  blocked: () => task({ blocked: true }),
  ready: () => task(),
  running: () => task().after(claim),
  waiting: () => task().after(claim, fail),
  completed: () => task().after(claim, finish),
  failed: () => task({ maxAttempts: 1 }).after(claim, fail),
}

interface Row {
  readonly from: string
  readonly event: TaskEvent
  readonly to: string
  readonly effects: readonly unknown[]
}

const rows: readonly Row[] = [
  { from: 'blocked', event: { type: 'inputsReady' }, to: 'ready', effects: [ring] },
  { from: 'blocked', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  { from: 'ready', event: claim, to: 'running', effects: [] },
  { from: 'ready', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  {
    from: 'running',
    event: finish,
    to: 'completed',
    effects: [tellJob({ type: 'taskFinished', ...place })],
  },
  { from: 'running', event: fail, to: 'waiting', effects: [] },
  {
    from: 'running',
    event: { ...fail, failure: { ...failure, kind: 'invalid-input' } },
    to: 'failed',
    effects: [
      tellJob({ type: 'taskFailed', ...place, failure: { ...failure, kind: 'invalid-input' } }),
    ],
  },
  { from: 'running', event: { type: 'release', leaseToken: 't1' }, to: 'ready', effects: [ring] },
  {
    from: 'running',
    event: { type: 'leaseExpired', leaseToken: 't1' },
    to: 'ready',
    effects: [ring],
  },
  {
    from: 'running',
    event: { type: 'workerLost', leaseToken: 't1' },
    to: 'ready',
    effects: [ring],
  },
  { from: 'running', event: { type: 'requeue' }, to: 'ready', effects: [interrupt, ring] },
  { from: 'running', event: { type: 'jobEnded' }, to: 'closed', effects: [interrupt] },
  { from: 'waiting', event: { type: 'requeue' }, to: 'ready', effects: [ring] },
  { from: 'waiting', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  { from: 'completed', event: { type: 'redo' }, to: 'ready', effects: [ring] },
  { from: 'completed', event: { type: 'inputsReady' }, to: 'ready', effects: [ring] },
  { from: 'completed', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  { from: 'failed', event: { type: 'requeue' }, to: 'ready', effects: [ring] },
  { from: 'failed', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
]

for (const { from, event, to, effects } of rows) {
  test(`taskMachine goes from ${from} to ${to} on ${event.type} (${event.type === 'fail' ? event.failure.kind : 'any'})`, () => {
    const before = lives[from]!()
    assert.equal(before.step.value, from)
    const after = before.after(event)
    assert.equal(after.step.value, to)
    assert.deepEqual(after.step.effects, effects)
  })
}

test('taskMachine rings when it is born ready, and is silent when it is born blocked', () => {
  assert.deepEqual(task().step.effects, [ring])
  assert.deepEqual(task({ blocked: true }).step.effects, [])
})

test('taskMachine does not react to anything that comes in the wrong state', () => {
  const allEvents: TaskEvent[] = [
    claim,
    finish,
    fail,
    { type: 'release', leaseToken: 't1' },
    { type: 'leaseExpired', leaseToken: 't1' },
    { type: 'workerLost', leaseToken: 't1' },
    { type: 'requeue' },
    { type: 'inputsReady' },
    { type: 'redo' },
    { type: 'jobEnded' },
  ]
  for (const [from, life] of Object.entries(lives)) {
    const expected = rows.filter((row) => row.from === from).map(({ event }) => event.type)
    for (const event of allEvents.filter(({ type }) => !expected.includes(type))) {
      assert.equal(life().after(event).step.changed, false, `${from} on ${event.type}`)
    }
  }
})

test('taskMachine ignores whoever does not hold the lease', () => {
  const running = lives.running!()
  for (const type of ['release', 'leaseExpired', 'workerLost'] as const) {
    assert.equal(running.after({ type, leaseToken: 'old' }).step.changed, false, type)
  }
  assert.equal(running.after({ ...finish, leaseToken: 'old' }).step.changed, false)
  assert.equal(running.after({ ...fail, leaseToken: 'old' }).step.changed, false)
})

test('taskMachine ignores a result of another kind of task', () => {
  const event = { ...finish, result: { ...sampleResult, kind: 'audio' } } as const
  assert.equal(lives.running!().after(event).step.changed, false)
})

test('taskMachine waits 5 s, then 10 s, between attempts and gives up after the third', () => {
  const first = task().after(claim, fail)
  assert.deepEqual(first.step.timers.map((timer) => 'delayMs' in timer && timer.delayMs), [5000])
  const second = first.after({ type: 'requeue' })
  assert.equal(contextOf(second).maxAttempts, 4)

  const timer = { type: 'xstate.after.backoff.task.waiting' } as unknown as TaskEvent
  const again = first.after(timer, claim, fail)
  assert.equal(again.step.value, 'waiting')
  assert.deepEqual(again.step.timers.map((set) => 'delayMs' in set && set.delayMs), [10_000])
  const last = again.after(timer, claim, fail)
  assert.equal(last.step.value, 'failed')
  assert.deepEqual(namesOf(last), ['tell'])
})

test('taskMachine counts losses of workers apart from failed attempts, up to a bound', () => {
  const lost = { type: 'workerLost', leaseToken: 't1' } as const
  const release = { type: 'release', leaseToken: 't1' } as const
  const lives = Array.from({ length: maxLosses }, () => [claim, lost]).flat()
  const survivor = task().after(...lives)
  assert.equal(survivor.step.value, 'ready')
  assert.equal(usedAttempts(contextOf(survivor)), 0)
  assert.equal(task().after(...lives, claim, lost).step.value, 'failed')
  assert.equal(task().after(claim, release, ...lives).step.value, 'ready')
})

test('taskMachine never uses an attempt number twice, so that outputs never meet', () => {
  let life = task()
  const seen: number[] = []
  const ends: TaskEvent[] = [
    { type: 'release', leaseToken: 't1' },
    { type: 'requeue' },
    { type: 'leaseExpired', leaseToken: 't1' },
  ]
  for (const end of ends) {
    life = life.after(claim)
    seen.push(contextOf(life).attempt)
    life = life.after(end)
  }
  life = life.after(claim, finish, { type: 'redo' }, claim)
  assert.deepEqual([...seen, contextOf(life).attempt], [1, 2, 3, 5])
})

test('taskMachine keeps who did it on record, but not the lease', () => {
  const { workerId, leaseToken } = contextOf(lives.completed!())
  assert.deepEqual({ workerId, leaseToken }, { workerId: 'w1', leaseToken: null })
  assert.equal(contextOf(lives.running!().after({ type: 'requeue' })).workerId, null)
})

test('taskMachine remembers whom to avoid after running out of memory', () => {
  const event = { ...fail, failure: { ...failure, kind: 'out-of-memory' } } as const
  assert.equal(contextOf(task().after(claim, event)).avoidWorkerId, 'w1')
})

test('taskMachine tells the job about damaged inputs without losing an attempt', () => {
  const damage = { ...failure, kind: 'damaged-input' as const, redo: [taskId] }
  const life = task({ kind: 'stitch', params: { kind: 'stitch' } }).after(claim, {
    ...fail,
    failure: damage,
  })
  assert.equal(life.step.value, 'blocked')
  assert.equal(contextOf(life).maxAttempts, 4)
  const message = { type: 'taskDamaged', kind: 'stitch', index: 0, failure: damage }
  assert.deepEqual(life.step.effects, [tellJob(message)])
})

test('taskMachine tells the job that work began, once, when the probe is claimed', () => {
  const probe = task({ kind: 'probe', params: { kind: 'probe' } })
  const first = probe.after(claim)
  assert.deepEqual(first.step.effects, [
    tellJob({ type: 'taskStarted', kind: 'probe', index: 0 }),
  ])
  assert.deepEqual(first.after({ type: 'release', leaseToken: 't1' }, claim).step.effects, [])
})

test('taskMachine keeps its outcome when the job ends', () => {
  assert.equal(contextOf(lives.completed!().after({ type: 'jobEnded' })).outcome, 'completed')
  assert.equal(contextOf(lives.failed!().after({ type: 'jobEnded' })).outcome, 'failed')
  assert.equal(contextOf(lives.running!().after({ type: 'jobEnded' })).outcome, null)
  assert.equal(lives.running!().after({ type: 'jobEnded' }).step.status, 'done')
})

test('taskMachine describes every state', async () => {
  const { taskMachine } = await import('./machine.ts')
  for (const [name, state] of Object.entries(taskMachine.states)) {
    assert.ok((state.description ?? '').length > 10, name)
  }
})

test('taskMachine restores the golden snapshots of its versions and steps on', () => {
  const golden = readGolden()
  assert.ok(golden.some(({ machineVersion }) => machineVersion === taskMachineVersion))
  for (const { machineVersion, snapshot, event, value } of golden) {
    assert.equal(restored('task', machineVersion, snapshot).after(event).step.value, value)
  }
})

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: TaskEvent
  readonly value: string
}

function readGolden(): Golden[] {
  return JSON.parse(readFileSync(new URL('golden/v1.json', import.meta.url), 'utf8'))
}
