import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { maxLosses } from './attempts.ts'
import { taskMachineVersion } from './machine.ts'
import { type TaskContext, type TaskEvent, type TaskInput, usedAttempts } from './model.ts'
import { sampleHedge } from '../hedge/sample.ts'
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
const hedge = { type: 'hedge', leaseToken: 't1' } as const
const hedgeStarted = { type: 'hedgeStarted' } as const
const outdone = { type: 'outdone', workerId: 'w2', result: sampleResult } as const
const withdraw = {
  name: 'tell',
  params: { to: 'job-1.hedge.00000', event: { type: 'withdraw' } },
}
const namesOf = ({ step }: Life) => step.effects.map(({ name }) => name)
const tellJob = (event: Json) => ({ name: 'tell', params: { to: 'job-1', event } })
const place = { kind: 'encode', index: 0 }

const lives: Readonly<Record<string, () => Life>> = {
  blocked: () => task({ blocked: true }),
  ready: () => task(),
  running: () => task().after(claim),
  waiting: () => task().after(claim, fail),
  offered: () => task().after(claim, hedge),
  hedged: () => task().after(claim, hedge, hedgeStarted),
  covered: () =>
    task().after(claim, hedge, hedgeStarted, { type: 'leaseExpired', leaseToken: 't1' }),
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
  {
    from: 'running',
    event: hedge,
    to: 'running',
    effects: [{
      name: 'spawn',
      params: { type: 'hedge', id: 'job-1.hedge.00000', input: sampleHedge },
    }],
  },
  { from: 'waiting', event: { type: 'requeue' }, to: 'ready', effects: [ring] },
  { from: 'waiting', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  { from: 'completed', event: { type: 'redo' }, to: 'ready', effects: [ring] },
  { from: 'completed', event: { type: 'inputsReady' }, to: 'ready', effects: [ring] },
  { from: 'completed', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
  { from: 'failed', event: { type: 'requeue' }, to: 'ready', effects: [ring] },
  { from: 'failed', event: { type: 'jobEnded' }, to: 'closed', effects: [] },
]

const told = tellJob({ type: 'taskFinished', ...place })
/** States of a hedged task are those of any other, under the names of {@link lives}. */
const hedgedRows: readonly Row[] = [
  { from: 'offered', event: hedgeStarted, to: 'running', effects: [] },
  { from: 'offered', event: { type: 'hedgeLost' }, to: 'running', effects: [] },
  { from: 'offered', event: finish, to: 'completed', effects: [told, withdraw] },
  { from: 'offered', event: outdone, to: 'completed', effects: [interrupt, told] },
  { from: 'offered', event: fail, to: 'waiting', effects: [withdraw] },
  {
    from: 'offered',
    event: { type: 'leaseExpired', leaseToken: 't1' },
    to: 'ready',
    effects: [withdraw, ring],
  },
  {
    from: 'offered',
    event: { type: 'release', leaseToken: 't1' },
    to: 'ready',
    effects: [withdraw, ring],
  },
  { from: 'hedged', event: { type: 'hedgeLost' }, to: 'running', effects: [] },
  { from: 'hedged', event: finish, to: 'completed', effects: [told, withdraw] },
  { from: 'hedged', event: outdone, to: 'completed', effects: [interrupt, told] },
  { from: 'hedged', event: fail, to: 'waiting', effects: [] },
  { from: 'hedged', event: { type: 'release', leaseToken: 't1' }, to: 'waiting', effects: [] },
  {
    from: 'hedged',
    event: { type: 'leaseExpired', leaseToken: 't1' },
    to: 'waiting',
    effects: [],
  },
  { from: 'hedged', event: { type: 'workerLost', leaseToken: 't1' }, to: 'waiting', effects: [] },
  {
    from: 'hedged',
    event: { type: 'requeue' },
    to: 'ready',
    effects: [interrupt, withdraw, ring],
  },
  { from: 'hedged', event: { type: 'jobEnded' }, to: 'closed', effects: [interrupt, withdraw] },
  { from: 'covered', event: outdone, to: 'completed', effects: [told] },
  { from: 'covered', event: { type: 'hedgeLost' }, to: 'ready', effects: [ring] },
  { from: 'covered', event: { type: 'requeue' }, to: 'ready', effects: [withdraw, ring] },
  { from: 'covered', event: { type: 'jobEnded' }, to: 'closed', effects: [withdraw] },
]

for (const { from, event, to, effects } of [...rows, ...hedgedRows]) {
  test(`taskMachine goes from ${from} to ${to} on ${event.type} (${event.type === 'fail' ? event.failure.kind : 'any'})`, () => {
    const before = lives[from]!()
    if (rows.some((row) => row.from === from)) assert.equal(before.step.value, from)
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
    hedge,
    hedgeStarted,
    outdone,
    { type: 'hedgeLost' },
  ]
  for (const [from, life] of Object.entries(lives)) {
    const expected = [...rows, ...hedgedRows].filter((row) => row.from === from).map(({ event }) =>
      event.type
    )
    for (const event of allEvents.filter(({ type }) => !expected.includes(type))) {
      // What an unhedged running task does, a hedged one does too.
      if (!rows.some((row) => row.from === from) && !event.type.startsWith('hedge')) continue
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

test('taskMachine is hedged once, by whoever names its lease, and only while it encodes', () => {
  const running = lives.running!()
  assert.equal(running.after({ ...hedge, leaseToken: 'old' }).step.changed, false)
  const audio = task({ kind: 'audio', params: { kind: 'audio' } }).after(claim)
  assert.equal(audio.after(hedge).step.changed, false)
  const over = running.after(hedge, { type: 'hedgeLost' })
  assert.equal(over.after(hedge).step.changed, false)
  assert.equal(over.after(hedgeStarted).step.changed, false)
  assert.equal(over.after(outdone).step.changed, false)
})

test('taskMachine keeps the result of its hedge and who made it, and takes it once', () => {
  const adopted = lives.hedged!().after(outdone)
  const { workerId, leaseToken, result, hedge: fate } = contextOf(adopted)
  assert.deepEqual({ workerId, leaseToken, result, fate }, {
    workerId: 'w2',
    leaseToken: null,
    result: sampleResult,
    fate: 'over',
  })
  assert.equal(adopted.after(outdone).step.changed, false)
  assert.equal(adopted.after(finish).step.changed, false)
  assert.equal(lives.hedged!().after(finish).after(outdone).step.changed, false)
  const foreign = { ...outdone, result: { ...sampleResult, kind: 'audio' } } as const
  assert.equal(lives.hedged!().after(foreign).step.changed, false)
})

test('taskMachine waits for its hedge instead of another attempt, but not for ever', () => {
  const covered = lives.covered!()
  assert.deepEqual(covered.step.timers.map((timer) => 'delayMs' in timer && timer.delayMs), [
    600_000,
  ])
  assert.equal(usedAttempts(contextOf(covered)), 0)
  const timer = { type: 'xstate.after.backoff.task.waiting' } as unknown as TaskEvent
  const again = covered.after(timer)
  assert.equal(again.step.value, 'ready')
  assert.equal(again.after(outdone).step.value, 'completed')
  assert.equal(again.after(claim, outdone).step.value, 'completed')
})

test('taskMachine lets its hedge save it after the last attempt, and fails when the hedge is lost', () => {
  const last = task({ maxAttempts: 1 }).after(claim, hedge, hedgeStarted, fail)
  assert.equal(last.step.value, 'waiting')
  assert.equal(last.after(outdone).step.value, 'completed')
  assert.equal(contextOf(last.after(outdone)).failure, null)
  const lost = last.after({ type: 'hedgeLost' })
  assert.equal(lost.step.value, 'failed')
  assert.deepEqual(lost.step.effects, [tellJob({ type: 'taskFailed', ...place, failure })])
})

test('taskMachine does not wait for its hedge when the source is broken', () => {
  const broken = { ...fail, failure: { ...failure, kind: 'invalid-input' } } as const
  const life = lives.hedged!().after(broken)
  assert.equal(life.step.value, 'failed')
  assert.deepEqual(life.step.effects.at(-1), withdraw)
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
  return ['v1.json', 'v1-hedged.json'].flatMap((name): Golden[] =>
    JSON.parse(readFileSync(new URL(`golden/${name}`, import.meta.url), 'utf8'))
  )
}
