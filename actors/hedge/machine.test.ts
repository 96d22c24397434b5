import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { sampleResult } from '../task/sample.ts'
import { hedgeMachine, hedgeMachineVersion } from './machine.ts'
import type { HedgeContext, HedgeEvent } from './model.ts'
import { sampleHedge } from './sample.ts'
import { hedgeRowFrom, type HedgeState } from './view.ts'

const hedgeId = 'job-1.hedge.00000'
const claim = { type: 'claim', workerId: 'w2', leaseToken: 'h1' } as const
const finish = { type: 'finish', leaseToken: 'h1', result: sampleResult } as const
const failure = {
  kind: 'encoder',
  code: 'WE-JOB-008',
  message: 'FFmpeg ended with code 1',
} as const
const fail = { type: 'fail', leaseToken: 'h1', failure } as const
const ring = { name: 'ring', params: { taskId: hedgeId, lane: 'cpu', region: 'local' } }
const interrupt = {
  name: 'interrupt',
  params: { workerId: 'w2', taskId: hedgeId, leaseToken: 'h1' },
}
const tell = (event: Json) => ({ name: 'tell', params: { to: 'job-1.encode.00000', event } })

const hedge = () => born('hedge', sampleHedge)
const contextOf = ({ step }: Life) => step.context as unknown as HedgeContext
const lives: Readonly<Record<string, () => Life>> = {
  ready: hedge,
  running: () => hedge().after(claim),
}

interface Row {
  readonly from: string
  readonly event: HedgeEvent
  readonly to: string
  readonly effects: readonly unknown[]
}

const lost = tell({ type: 'hedgeLost' })
const rows: readonly Row[] = [
  { from: 'ready', event: claim, to: 'running', effects: [tell({ type: 'hedgeStarted' })] },
  { from: 'ready', event: { type: 'withdraw' }, to: 'withdrawn', effects: [] },
  { from: 'ready', event: { type: 'jobEnded' }, to: 'withdrawn', effects: [] },
  {
    from: 'running',
    event: finish,
    to: 'won',
    effects: [tell({ type: 'outdone', workerId: 'w2', result: sampleResult })],
  },
  { from: 'running', event: fail, to: 'lost', effects: [lost] },
  { from: 'running', event: { type: 'release', leaseToken: 'h1' }, to: 'lost', effects: [lost] },
  {
    from: 'running',
    event: { type: 'leaseExpired', leaseToken: 'h1' },
    to: 'lost',
    effects: [lost],
  },
  {
    from: 'running',
    event: { type: 'workerLost', leaseToken: 'h1' },
    to: 'lost',
    effects: [lost],
  },
  { from: 'running', event: { type: 'withdraw' }, to: 'withdrawn', effects: [interrupt] },
  { from: 'running', event: { type: 'jobEnded' }, to: 'withdrawn', effects: [interrupt] },
]

for (const { from, event, to, effects } of rows) {
  test(`hedgeMachine goes from ${from} to ${to} on ${event.type}`, () => {
    const before = lives[from]!()
    assert.equal(before.step.value, from)
    const after = before.after(event)
    assert.equal(after.step.value, to)
    assert.deepEqual(after.step.effects, effects)
    assert.equal(after.step.status, to === 'running' ? 'active' : 'done')
  })
}

test('hedgeMachine rings when it is born', () => {
  assert.deepEqual(hedge().step.effects, [ring])
})

test('hedgeMachine does not react to anything that comes in the wrong state', () => {
  const others = rows.filter(({ from }) => from === 'running')
    .filter(({ event }) => !['withdraw', 'jobEnded'].includes(event.type))
  for (const { event } of others) {
    assert.equal(hedge().after(event).step.changed, false, event.type)
  }
  assert.equal(lives.running!().after({ ...claim, leaseToken: 'h2' }).step.changed, false)
})

test('hedgeMachine ignores whoever does not hold the lease, and results of another kind', () => {
  const running = lives.running!()
  for (const type of ['release', 'leaseExpired', 'workerLost'] as const) {
    assert.equal(running.after({ type, leaseToken: 'old' }).step.changed, false, type)
  }
  assert.equal(running.after({ ...finish, leaseToken: 'old' }).step.changed, false)
  assert.equal(running.after({ ...fail, leaseToken: 'old' }).step.changed, false)
  const foreign = { ...finish, result: { ...sampleResult, kind: 'audio' } } as const
  assert.equal(running.after(foreign).step.changed, false)
})

test('hedgeMachine keeps on record who won, and why it was lost', () => {
  const { workerId, leaseToken, attempt } = contextOf(lives.running!().after(finish))
  assert.deepEqual({ workerId, leaseToken, attempt }, {
    workerId: 'w2',
    leaseToken: null,
    attempt: 1,
  })
  assert.deepEqual(contextOf(lives.running!().after(fail)).failure, failure)
  const gone = lives.running!().after({ type: 'workerLost', leaseToken: 'h1' })
  assert.equal(contextOf(gone).failure?.kind, 'lost')
})

test('hedgeRowFrom() is a row that nobody counts as a chunk, and that its straggler’s worker avoids', () => {
  const row = rowOf(hedge())
  assert.equal(row.kind, 'hedge')
  assert.equal(row.weight, 0)
  assert.equal(row.hedgeOf, sampleHedge.taskId)
  assert.equal(row.avoidWorkerId, 'w1')
  assert.equal(row.status, 'ready')
  assert.equal(rowOf(lives.running!()).leaseToken, 'h1')
  const won = rowOf(lives.running!().after(finish))
  assert.deepEqual([won.status, won.outputKey], ['completed', sampleResult.object.key])
  assert.deepEqual(rowOf(lives.running!().after(fail)).error, {
    code: failure.code,
    message: failure.message,
  })
  assert.equal(rowOf(hedge().after({ type: 'withdraw' })).status, 'cancelled')
})

test('hedgeMachine describes every state', () => {
  for (const [name, state] of Object.entries(hedgeMachine.states)) {
    assert.ok((state.description ?? '').length > 10, name)
  }
})

test('hedgeMachine restores the golden snapshots of its versions and steps on', () => {
  const golden = readGolden()
  assert.ok(golden.some(({ machineVersion }) => machineVersion === hedgeMachineVersion))
  for (const { machineVersion, snapshot, event, value } of golden) {
    assert.equal(restored('hedge', machineVersion, snapshot).after(event).step.value, value)
  }
})

function rowOf(life: Life) {
  return hedgeRowFrom(hedgeId, life.step.value as HedgeState, contextOf(life))
}

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: HedgeEvent
  readonly value: string
}

function readGolden(): Golden[] {
  return JSON.parse(readFileSync(new URL('golden/v1.json', import.meta.url), 'utf8'))
}
