import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { workerMachine, workerMachineVersion } from './machine.ts'
import type { WorkerContext, WorkerEvent } from './model.ts'
import { sampleWorker, sampleWorkerEvents } from './sample.ts'

const session = 'session-1'
const again = { type: 'join', ...sampleWorker, session: 'session-2', hostname: 'new-box' } as const
const announced = (topic: string, hostname = 'box') => ({
  name: 'announce',
  params: { topic, data: { worker_id: 'w1', hostname, region: 'local' } },
})
const joined = [announced('worker.joined', 'new-box')]
const offline = [announced('worker.offline')]

const lives: Readonly<Record<string, () => Life>> = {
  healthy: () => born('worker', sampleWorker),
  draining: () => born('worker', sampleWorker).after({ type: 'drain', session }),
  offline: () => born('worker', sampleWorker).after({ type: 'leave', session }),
}

const rows: readonly [from: string, event: WorkerEvent, to: string, effects: readonly unknown[]][] =
  [
    ['healthy', again, 'healthy', joined],
    ['healthy', { type: 'drain', session }, 'draining', []],
    ['healthy', { type: 'leave', session }, 'offline', offline],
    ['healthy', { type: 'silent', session }, 'offline', offline],
    ['draining', again, 'healthy', joined],
    ['draining', { type: 'leave', session }, 'offline', offline],
    ['draining', { type: 'silent', session }, 'offline', offline],
    ['offline', again, 'healthy', joined],
  ]

for (const [from, event, to, effects] of rows) {
  test(`workerMachine goes from ${from} to ${to} on ${event.type}`, () => {
    const before = lives[from]!()
    assert.equal(before.step.value, from)
    const after = before.after(event)
    assert.equal(after.step.value, to)
    assert.deepEqual(after.step.effects, effects)
  })
}

test('workerMachine announces its first session', () => {
  assert.deepEqual(lives.healthy!().step.effects, [announced('worker.joined')])
})

test('workerMachine ignores what a former process of the same name says', () => {
  const life = lives.healthy!().after(again)
  for (const type of ['drain', 'leave', 'silent'] as const) {
    assert.equal(life.after({ type, session }).step.changed, false, type)
  }
})

test('workerMachine ignores a second join of the same process, unless it was taken for gone', () => {
  const join = { type: 'join', ...sampleWorker } as const
  assert.equal(lives.healthy!().after(join).step.changed, false)
  assert.equal(lives.offline!().after(join).step.value, 'healthy')
})

test('workerMachine knows who joined last', () => {
  const { hostname, session: current } = lives.offline!().after(again).step
    .context as unknown as WorkerContext
  assert.deepEqual([hostname, current], ['new-box', 'session-2'])
})

test('workerMachine lives a whole life', () => {
  assert.equal(lives.healthy!().after(...sampleWorkerEvents).step.value, 'offline')
})

test('workerMachine describes every state', () => {
  for (const [name, state] of Object.entries(workerMachine.states)) {
    assert.ok((state.description ?? '').length > 10, name)
  }
})

test('workerMachine restores the golden snapshots of its versions and steps on', () => {
  const golden: Golden[] = JSON.parse(
    readFileSync(new URL('golden/v1.json', import.meta.url), 'utf8'),
  )
  assert.ok(golden.some(({ machineVersion }) => machineVersion === workerMachineVersion))
  for (const { machineVersion, snapshot, event, value } of golden) {
    assert.equal(restored('worker', machineVersion, snapshot).after(event).step.value, value)
  }
})

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: WorkerEvent
  readonly value: string
}
