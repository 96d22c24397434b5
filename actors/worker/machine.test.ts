import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { workerMachine, workerMachineVersion } from './machine.ts'
import { identityFrom, type WorkerContext, type WorkerEvent } from './model.ts'
import { sampleWorker, sampleWorkerEvents } from './sample.ts'
import { workerRowFrom } from './view.ts'

const session = 'session-1'
const by = 'Ann'
const again = { type: 'join', ...sampleWorker, session: 'session-2', hostname: 'new-box' } as const
const announced = (topic: string, hostname = 'box') => ({
  name: 'announce',
  params: { topic, data: { worker_id: 'w1', hostname, region: 'local' } },
})
const told = (command: string, to = session) => ({
  name: 'command',
  params: { workerId: 'w1', session: to, command },
})
const joined = announced('worker.joined', 'new-box')
const offline = [announced('worker.offline')]
const restarting = [announced('worker.restarting'), told('restart')]
const leaving = [announced('worker.leaving'), told('leave')]
const removed = [announced('worker.removed')]

const born1 = () => born('worker', sampleWorker)
const lives: Readonly<Record<string, () => Life>> = {
  healthy: born1,
  draining: () => born1().after({ type: 'drain', by }),
  restarting: () => born1().after({ type: 'restart', by }),
  'drained, restarting': () => born1().after({ type: 'drain', by }, { type: 'restart', by }),
  leaving: () => born1().after({ type: 'remove', by }),
  offline: () => born1().after({ type: 'leave', session }),
  'drained, offline': () => born1().after({ type: 'drain', by }, { type: 'silent', session }),
}

const rows: readonly [from: string, event: WorkerEvent, to: string, effects: readonly unknown[]][] =
  [
    ['healthy', again, 'healthy', [joined]],
    ['healthy', { type: 'drain', by }, 'draining', [announced('worker.draining'), told('drain')]],
    ['healthy', { type: 'restart', by }, 'restarting', restarting],
    ['healthy', { type: 'remove', by }, 'leaving', leaving],
    ['healthy', { type: 'leave', session }, 'offline', offline],
    ['healthy', { type: 'silent', session }, 'offline', offline],
    ['draining', again, 'draining', [
      joined,
      announced('worker.draining', 'new-box'),
      told('drain', 'session-2'),
    ]],
    ['draining', { type: 'undrain', by }, 'healthy', [
      announced('worker.undrained'),
      told('work'),
    ]],
    ['draining', { type: 'restart', by }, 'restarting', restarting],
    ['draining', { type: 'remove', by }, 'leaving', leaving],
    ['draining', { type: 'leave', session }, 'offline', offline],
    ['draining', { type: 'silent', session }, 'offline', offline],
    ['restarting', again, 'healthy', [joined]],
    ['drained, restarting', again, 'draining', [
      joined,
      announced('worker.draining', 'new-box'),
      told('drain', 'session-2'),
    ]],
    ['restarting', { type: 'remove', by }, 'leaving', leaving],
    ['restarting', { type: 'leave', session }, 'offline', offline],
    ['restarting', { type: 'silent', session }, 'offline', offline],
    ['leaving', again, 'healthy', [joined]],
    ['leaving', { type: 'leave', session }, 'removed', removed],
    ['leaving', { type: 'silent', session }, 'removed', removed],
    ['offline', again, 'healthy', [joined]],
    ['offline', { type: 'drain', by }, 'offline', [announced('worker.draining')]],
    ['offline', { type: 'remove', by }, 'removed', removed],
    ['drained, offline', { type: 'undrain', by }, 'offline', [announced('worker.undrained')]],
    ['drained, offline', again, 'draining', [
      joined,
      announced('worker.draining', 'new-box'),
      told('drain', 'session-2'),
    ]],
  ]

for (const [from, event, to, effects] of rows) {
  test(`workerMachine goes from ${from} to ${to} on ${event.type}`, () => {
    const before = lives[from]!()
    assert.equal(before.step.value, from.split(', ').at(-1))
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
  for (const type of ['leave', 'silent'] as const) {
    assert.equal(life.after({ type, session }).step.changed, false, type)
  }
})

test('workerMachine ignores a second join of the same process, unless it was taken for gone', () => {
  const join = { type: 'join', ...sampleWorker } as const
  for (const state of ['healthy', 'draining', 'restarting', 'leaving']) {
    assert.equal(lives[state]!().after(join).step.changed, false, state)
  }
  assert.equal(lives.offline!().after(join).step.value, 'healthy')
})

test('workerMachine gives the name to a process that yields only when nobody has it', () => {
  const yielding = { ...again, yields: true }
  for (const state of ['healthy', 'draining', 'restarting', 'leaving']) {
    assert.equal(lives[state]!().after(yielding).step.changed, false, state)
  }
  assert.equal(lives.offline!().after(yielding).step.value, 'healthy')
})

test('workerMachine ignores commands that it obeys already, or can no more', () => {
  const ignored = [
    ['healthy', 'undrain'],
    ['draining', 'drain'],
    ['restarting', 'restart'],
    ['restarting', 'drain'],
    ['leaving', 'remove'],
    ['leaving', 'restart'],
    ['offline', 'restart'],
    ['offline', 'undrain'],
    ['drained, offline', 'drain'],
  ] as const
  for (const [state, type] of ignored) {
    assert.equal(lives[state]!().after({ type, by }).step.changed, false, `${state}, ${type}`)
  }
})

test('workerMachine knows who joined last, and not with which secrets', () => {
  const request = { ...again, joinToken: 'secret', credential: 'secret', protocol: 1 }
  const life = lives.offline!().after({ type: 'join', ...identityFrom(request) })
  const { hostname, session: current } = life.step.context as unknown as WorkerContext
  assert.deepEqual([hostname, current], ['new-box', 'session-2'])
  assert.doesNotMatch(JSON.stringify(life.step), /secret/)
})

test('workerMachine lives a whole life, and ends', () => {
  const { value, status } = lives.healthy!().after(...sampleWorkerEvents).step
  assert.deepEqual([value, status], ['removed', 'done'])
})

test('workerRowFrom() shows status and command of every state', () => {
  const shown = Object.entries(lives).map(([name, live]) => {
    const { value, context } = live().step
    const row = workerRowFrom(value as never, context as unknown as WorkerContext)
    return [name, row.status, row.command]
  })
  assert.deepEqual(shown, [
    ['healthy', 'healthy', 'work'],
    ['draining', 'draining', 'drain'],
    ['restarting', 'draining', 'restart'],
    ['drained, restarting', 'draining', 'restart'],
    ['leaving', 'draining', 'leave'],
    ['offline', 'offline', 'work'],
    ['drained, offline', 'offline', 'drain'],
  ])
})

test('workerMachine describes every state', () => {
  for (const [name, state] of Object.entries(workerMachine.states)) {
    assert.ok((state.description ?? '').length > 10, name)
  }
})

const directory = new URL('golden/', import.meta.url)
for (const name of readdirSync(directory).sort()) {
  test(`workerMachine restores the golden snapshots of ${name} and steps on`, () => {
    const golden: Golden[] = JSON.parse(readFileSync(new URL(name, directory), 'utf8'))
    for (const { machineVersion, snapshot, event, value } of golden) {
      assert.equal(`v${machineVersion}.json`, name)
      const { step } = restored('worker', machineVersion, snapshot).after(event)
      assert.deepEqual([step.value, step.machineVersion], [value, workerMachineVersion])
    }
  })
}

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: WorkerEvent
  readonly value: string
}
