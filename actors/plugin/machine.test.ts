import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { born, type Life, restored } from '../life.ts'
import { pluginMachine, pluginMachineVersion } from './machine.ts'
import {
  backoffFactor,
  mostRestarts,
  type PluginContext,
  type PluginEvent,
  type PluginMachineState,
  usualTiming,
} from './model.ts'
import { samplePlugin, samplePluginEvents, sampleWant } from './sample.ts'
import { pluginRowFrom } from './view.ts'

const problem = 'it went wrong'
const crashed = (run: number) => ({ type: 'crashed', run, problem }) as const
const started = (run: number, version = '1.0.0') => ({ type: 'started', run, version }) as const
const judged = (run: number, health: 'healthy' | 'degraded' | 'failing', isErroneous = false) =>
  ({ type: 'judged', run, health, isErroneous, problem }) as const
const want = (changes: Partial<Extract<PluginEvent, { type: 'want' }>>) =>
  ({ ...sampleWant, ...changes }) as const
const upgrade = want({ version: '1.1.0' })
const restart = { type: 'restart', by: 'Ann' } as const
const blocked = { type: 'blocked', problem } as const
const backoffOver = { type: 'xstate.after.backoff.plugin.failed' } as unknown as PluginEvent

const starting = () => born('plugin', samplePlugin)
const healthy = () => starting().after(started(1))
const crashing = (times: number) => {
  let life = starting()
  for (let run = 1; run <= times; run++) life = life.after(crashed(run), backoffOver)
  return life
}
const testing = () => healthy().after(upgrade)
const watching = () => testing().after(started(2, '1.1.0'))
const lives: Readonly<Record<string, () => Life>> = {
  starting,
  healthy,
  degraded: () => healthy().after(judged(1, 'degraded')),
  failing: () => healthy().after(judged(1, 'failing')),
  testing,
  watching,
  'watching alone': () => watching().after({ type: 'lost', run: 2 }, started(3, '1.1.0')),
  failed: () => healthy().after(crashed(1)),
  restarting: () => crashing(1),
  'last restart': () => crashing(mostRestarts),
  disabled: () => healthy().after(want({ isEnabled: false })),
  blocked: () => starting().after(blocked),
  exhausted: () => crashing(mostRestarts).after(crashed(mostRestarts + 1)),
}

/** The state in a word, the run and version that serve, and the topics that were announced. */
function summary({ step }: Life) {
  const { run, version } = step.context as unknown as PluginContext
  const state = step.value as unknown as PluginMachineState
  const name = typeof state === 'string'
    ? state
    : `${state.serving.health}, ${state.serving.upgrade}`
  const topics = step.effects.map(({ params }) =>
    (params as { topic: string }).topic.replace('plugin.', '')
  )
  return [name, run, version, topics.join(' ')]
}

type Row = readonly [
  from: string,
  event: PluginEvent,
  to: string,
  run: number,
  version: string,
  topics: string,
]

const rows: readonly Row[] = [
  ['starting', started(1), 'healthy, none', 1, '1.0.0', 'started'],
  ['starting', crashed(1), 'failed', 1, '1.0.0', 'failed'],
  ['starting', { type: 'lost', run: 1 }, 'starting', 2, '1.0.0', 'starting'],
  ['starting', restart, 'starting', 2, '1.0.0', 'starting'],
  ['starting', blocked, 'disabled', 1, '1.0.0', 'disabled'],
  ['starting', want({ isEnabled: false }), 'disabled', 1, '1.0.0', 'disabled'],
  ['starting', upgrade, 'starting', 2, '1.1.0', 'starting'],

  ['healthy', judged(1, 'degraded'), 'degraded, none', 1, '1.0.0', 'degraded'],
  ['healthy', judged(1, 'failing'), 'failing, none', 1, '1.0.0', 'degraded'],
  ['healthy', crashed(1), 'failed', 1, '1.0.0', 'failed'],
  ['healthy', restart, 'starting', 2, '1.0.0', 'starting'],
  ['healthy', { type: 'lost', run: 1 }, 'starting', 2, '1.0.0', 'starting'],
  ['healthy', want({ isEnabled: false }), 'disabled', 1, '1.0.0', 'disabled'],
  ['healthy', want({ configRevision: 2 }), 'starting', 2, '1.0.0', 'starting'],
  ['healthy', want({}), 'healthy, none', 1, '1.0.0', ''],
  ['degraded', judged(1, 'healthy'), 'healthy, none', 1, '1.0.0', 'recovered'],
  ['degraded', judged(1, 'failing'), 'failing, none', 1, '1.0.0', 'degraded'],
  ['failing', judged(1, 'degraded'), 'degraded, none', 1, '1.0.0', 'degraded'],
  ['failing', judged(1, 'healthy'), 'healthy, none', 1, '1.0.0', 'recovered'],

  ['healthy', upgrade, 'healthy, testing', 1, '1.0.0', 'testing'],
  ['degraded', upgrade, 'degraded, testing', 1, '1.0.0', 'testing'],
  ['testing', started(2, '1.1.0'), 'healthy, watching', 2, '1.1.0', 'upgraded'],
  ['testing', crashed(2), 'healthy, none', 1, '1.0.0', 'refused'],
  ['testing', blocked, 'healthy, none', 1, '1.0.0', 'refused'],
  ['testing', judged(1, 'degraded', true), 'degraded, testing', 1, '1.0.0', 'degraded'],
  ['testing', crashed(1), 'failed', 1, '1.0.0', 'failed'],
  [
    'testing',
    want({ revision: 3, version: '1.2.0' }),
    'healthy, testing',
    1,
    '1.0.0',
    'testing',
  ],
  ['testing', want({ revision: 3 }), 'healthy, none', 1, '1.0.0', ''],
  ['watching', judged(2, 'degraded', true), 'healthy, none', 1, '1.0.0', 'rolled_back'],
  ['watching', judged(2, 'degraded'), 'degraded, watching', 2, '1.1.0', 'degraded'],
  ['watching', crashed(2), 'healthy, none', 1, '1.0.0', 'rolled_back'],
  ['watching', crashed(1), 'healthy, watching', 2, '1.1.0', ''],
  ['watching', want({ revision: 3 }), 'healthy, none', 1, '1.0.0', 'rolled_back'],
  [
    'watching',
    want({ revision: 3, version: '1.2.0' }),
    'healthy, testing',
    2,
    '1.1.0',
    'testing',
  ],
  ['watching', { type: 'lost', run: 2 }, 'starting', 3, '1.1.0', 'starting'],
  ['watching alone', crashed(3), 'starting', 4, '1.0.0', 'rolled_back starting'],
  [
    'watching alone',
    judged(3, 'failing', true),
    'starting',
    4,
    '1.0.0',
    'rolled_back starting',
  ],

  ['failed', backoffOver, 'restarting', 2, '1.0.0', 'restarting'],
  ['failed', restart, 'starting', 2, '1.0.0', 'starting'],
  ['failed', want({ isEnabled: false }), 'disabled', 1, '1.0.0', 'disabled'],
  ['failed', want({ configRevision: 2 }), 'starting', 2, '1.0.0', 'starting'],
  ['restarting', started(2), 'healthy, none', 2, '1.0.0', 'started'],
  ['restarting', crashed(2), 'failed', 2, '1.0.0', 'failed'],
  ['last restart', crashed(6), 'disabled', 6, '1.0.0', 'failed disabled'],
  ['last restart', started(6), 'healthy, none', 6, '1.0.0', 'started'],

  ['disabled', want({ revision: 3 }), 'starting', 2, '1.0.0', 'starting'],
  ['exhausted', want({}), 'starting', 7, '1.0.0', 'starting'],
  ['exhausted', want({ isEnabled: false }), 'disabled', 6, '1.0.0', ''],
  ['blocked', { type: 'unblocked' }, 'starting', 2, '1.0.0', 'starting'],
]

for (const [from, event, to, run, version, topics] of rows) {
  test(`pluginMachine goes from ${from} to ${to} on ${JSON.stringify(event)}`, () => {
    assert.deepEqual(summary(lives[from]!().after(event)), [to, run, version, topics])
  })
}

const ignored: readonly (readonly [from: string, event: PluginEvent])[] = [
  ['starting', started(0)],
  ['starting', crashed(0)],
  ['healthy', crashed(7)],
  ['healthy', judged(0, 'failing', true)],
  ['healthy', judged(1, 'healthy')],
  ['degraded', judged(1, 'degraded')],
  ['failing', judged(1, 'failing')],
  ['healthy', want({ revision: 1 })],
  ['watching', started(1)],
  ['failed', crashed(1)],
  ['disabled', restart],
  ['disabled', { type: 'unblocked' }],
  ['exhausted', { type: 'unblocked' }],
  ['disabled', want({})],
]
for (const [from, event] of ignored) {
  test(`pluginMachine ignores ${JSON.stringify(event)} when ${from}`, () => {
    assert.equal(lives[from]!().after(event).step.changed, false)
  })
}

test('pluginMachine waits longer before each restart, and forgives after good service', () => {
  const timersOf = ({ step }: Life) =>
    step.timers.flatMap((timer) => timer.kind === 'set' ? [[timer.key, timer.delayMs]] : [])
  const waits = [0, 1, 2, 3, 4].map((times) => timersOf(crashing(times).after(crashed(times + 1))))
  assert.deepEqual(
    waits.flat().map(([, delayMs]) => delayMs),
    [0, 1, 2, 3, 4].map((times) => usualTiming.backoffMs * backoffFactor ** times),
  )
  const [[key, delayMs] = []] = timersOf(lives['last restart']!().after(started(6)))
  assert.equal(delayMs, usualTiming.forgiveMs)
  const forgiven = lives['last restart']!().after(started(6), { type: key } as never)
  assert.deepEqual(summary(forgiven).slice(0, 2), ['healthy, none', 6])
  assert.deepEqual(summary(forgiven.after(crashed(6)))[0], 'failed')
})

test('pluginMachine fails a plugin that fails for two minutes, and keeps a version after five', () => {
  const key = (life: Life, part: string) =>
    life.step.timers.find((timer) => timer.key.includes(part))!
  const failing = lives.failing!()
  const timer = key(failing, 'failing')
  assert.equal(timer.kind === 'set' && timer.delayMs, 120_000)
  assert.equal(summary(failing.after({ type: timer.key } as never))[0], 'failed')
  const watch = key(watching(), 'watch')
  assert.equal(watch.kind === 'set' && watch.delayMs, 300_000)
  const kept = watching().after({ type: watch.key } as never)
  assert.deepEqual(summary(kept), ['healthy, none', 2, '1.1.0', 'kept'])
  const { upgrade: end } = kept.step.context as unknown as PluginContext
  assert.deepEqual(end, { outcome: 'kept', version: '1.1.0', problem: null })
})

test('pluginMachine does not count the end of its kernel as a restart', () => {
  let life = healthy()
  for (let run = 1; run < 20; run++) life = life.after({ type: 'lost', run }, started(run + 1))
  assert.equal((life.step.context as unknown as PluginContext).restarts, 0)
})

test('pluginMachine describes every state', () => {
  const describe = (states: object): string[] =>
    Object.entries(states).flatMap(([name, state]) => [
      ...((state.description ?? '').length > 10 ? [] : [name]),
      ...describe(state.states ?? {}),
    ])
  assert.deepEqual(describe(pluginMachine.config.states ?? {}), [])
})

test('pluginMachine lives a whole life', () => {
  assert.deepEqual(summary(starting().after(...samplePluginEvents)), [
    'starting',
    3,
    '1.0.0',
    'starting',
  ])
})

test('pluginRowFrom() says which processes there should be', () => {
  const shown = Object.entries(lives).map(([name, live]) => {
    const { value, context } = live().step
    const row = pluginRowFrom('a', value as never, context as unknown as PluginContext)
    const processes = row.processes.map(({ run, version, role, isStarted }) =>
      `${role} ${run}@${version}${isStarted ? '' : ' to start'}`
    )
    return [name, row.state, processes.join(', ')]
  })
  assert.deepEqual(shown, [
    ['starting', 'starting', 'current 1@1.0.0 to start'],
    ['healthy', 'healthy', 'current 1@1.0.0'],
    ['degraded', 'degraded', 'current 1@1.0.0'],
    ['failing', 'degraded', 'current 1@1.0.0'],
    ['testing', 'healthy', 'current 1@1.0.0, shadow 2@1.1.0 to start'],
    ['watching', 'healthy', 'current 2@1.1.0, standby 1@1.0.0'],
    ['watching alone', 'healthy', 'current 3@1.1.0'],
    ['failed', 'failed', ''],
    ['restarting', 'restarting', 'current 2@1.0.0 to start'],
    ['last restart', 'restarting', 'current 6@1.0.0 to start'],
    ['disabled', 'disabled', ''],
    ['blocked', 'disabled', ''],
    ['exhausted', 'disabled', ''],
  ])
})

const directory = new URL('golden/', import.meta.url)
for (const name of readdirSync(directory).sort()) {
  test(`pluginMachine restores the golden snapshots of ${name} and steps on`, () => {
    const golden: Golden[] = JSON.parse(readFileSync(new URL(name, directory), 'utf8'))
    for (const { machineVersion, snapshot, event, value } of golden) {
      assert.equal(`v${machineVersion}.json`, name)
      const { step } = restored('plugin', machineVersion, snapshot).after(event)
      assert.deepEqual([step.value, step.machineVersion], [value, pluginMachineVersion])
    }
  })
}

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: PluginEvent
  readonly value: Json
}
