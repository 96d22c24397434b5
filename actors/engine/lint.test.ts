/** Registration refuses what could not be durable, and says what to write instead. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type AnyStateMachine,
  assign,
  createMachine,
  fromTransition,
  log,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
} from 'xstate'
import type { ActorDefinition, ActorSample } from './definition.ts'
import { effectActions } from './effects.ts'
import { lintDefinition } from './lint.ts'
import { createRegistry } from './registry.ts'

const base = { types: { context: {} as Record<string, unknown>, events: {} as { type: string } } }

function definitionOf(machine: unknown, samples?: readonly ActorSample[]): ActorDefinition {
  const known = { type: 'thing', version: 1, machine: machine as AnyStateMachine, view: () => ({}) }
  return samples === undefined ? known : { ...known, samples }
}

const child = fromTransition((state: number) => state, 0)
let calls = 0

const refused: Record<string, { machine: unknown; why: RegExp; samples?: readonly ActorSample[] }> =
  {
    'an inline action': {
      machine: createMachine({ on: { go: { actions: () => {} } } }),
      why: /\(machine\): an action is written inline/,
    },
    'an inline assignment': {
      machine: createMachine({ context: {}, entry: assign({ n: 1 }) }),
      why: /an action is written inline; name it in setup/,
    },
    'an inline guard': {
      machine: createMachine({
        id: 'm',
        initial: 'a',
        states: { a: { always: { guard: () => true, target: 'b' } }, b: {} },
      }),
      why: /m\.a: a guard is written inline/,
    },
    'an action without implementation': {
      machine: createMachine({ entry: 'shout' }),
      why: /action "shout" is not implemented/,
    },
    'an effect without effectActions': {
      machine: createMachine({ entry: { type: 'tell', params: {} } }),
      why: /spread effectActions/,
    },
    'an effect with an implementation of its own': {
      machine: setup({ ...base, actions: { tell() {} } }).createMachine({}),
      why: /"tell" is an effect and must be the one of effectActions/,
    },
    'a function as action': {
      machine: setup({ ...base, actions: { shout() {} } }).createMachine({ entry: 'shout' }),
      why: /"shout" is a function, which the engine would never call/,
    },
    'a guard without implementation': {
      machine: createMachine({ on: { go: { guard: 'maybe', actions: [] } } }),
      why: /guard "maybe" is not implemented/,
    },
    'a delay written as a number': {
      machine: createMachine({ initial: 'a', states: { a: { after: { 1000: 'b' } }, b: {} } }),
      why: /delay "1000" must be the name of one/,
    },
    'a delay that nobody implements, which XState would not wait for': {
      machine: createMachine({ initial: 'a', states: { a: { after: { soon: 'b' } }, b: {} } }),
      why: /delay "soon" must be the name of one/,
    },
    'a delayed raise without id': {
      machine: setup({
        ...base,
        delays: { soon: 1 },
        actions: { remind: raise({ type: 'x' }, { delay: 'soon' }) },
      }).createMachine({}),
      why: /a delayed raise must have an id/,
    },
    'a raise whose delay is a number': {
      machine: setup({ ...base, actions: { remind: raise({ type: 'x' }, { id: 'r', delay: 5 }) } })
        .createMachine({}),
      why: /its delay must be the name/,
    },
    'an invoke without id': {
      machine: createMachine({ invoke: { src: child } }),
      why: /invoke without an id is not durable/,
    },
    'an invoke with id': {
      machine: setup({ ...base, actors: { child } }).createMachine({
        invoke: { src: 'child', id: 'c' },
      }),
      why: /invoke "c" is not durable; ask for an actor with the `spawn` effect/,
    },
    'spawnChild': {
      machine: setup({ ...base, actions: { beget: spawnChild(child) } }).createMachine({}),
      why: /"beget" is xstate\.spawnChild, which needs a live actor/,
    },
    'spawn in an assignment': {
      machine: setup({ ...base, actions: { beget: assign({ c: ({ spawn }) => spawn(child) }) } })
        .createMachine({ context: {} }),
      why: /"beget" spawns an XState actor/,
    },
    'sendTo': {
      machine: setup({ ...base, actions: { say: sendTo('x', { type: 'hi' }) } }).createMachine({}),
      why: /"say" is xstate\.sendTo.*become `tell`/,
    },
    'sendParent': {
      machine: setup({ ...base, actions: { say: sendParent({ type: 'hi' }) } }).createMachine({}),
      why: /needs a live actor/,
    },
    'log': {
      machine: setup({ ...base, actions: { say: log('hi') } }).createMachine({}),
      why: /"say" is xstate\.log/,
    },
    'Date.now() in an assignment': {
      machine: setup({ ...base, actions: { note: assign({ at: () => Date.now() }) } })
        .createMachine({ context: {} }),
      why: /"note" reads the clock: let the event carry the time/,
    },
    'Math.random() in a guard': {
      machine: setup({ ...base, guards: { lucky: () => Math.random() < 0.5 } }).createMachine({}),
      why: /"lucky" uses chance/,
    },
    'a clock that only running shows': {
      machine: createMachine({
        context: ({ input }) => ({
          at: (Date as unknown as Record<string, () => number>)[String(input)]!(),
        }),
      }),
      samples: [{ input: 'now' }],
      why: /a machine must not use Date\.now\(\)/,
    },
    'a context that changes from run to run': {
      machine: createMachine({ context: () => ({ n: ++calls }) }),
      samples: [{ input: null }],
      why: /living a sample twice gave two different results/,
    },
    'a context that does not survive JSON': {
      machine: createMachine({ context: () => ({ seen: new Set() }) }),
      samples: [{ input: null }],
      why: /context\.seen must survive JSON/,
    },
  }

describe('lintDefinition() refuses', () => {
  for (const [name, { machine, why, samples }] of Object.entries(refused)) {
    test(name, () => {
      assert.throws(
        () => lintDefinition(definitionOf(machine, samples)),
        (failure: Error) => failure instanceof TypeError && why.test(failure.message),
      )
    })
  }

  test('a type or version that cannot name it', () => {
    const machine = createMachine({})
    assert.throws(
      () => lintDefinition({ ...definitionOf(machine), type: 'My Thing' }),
      /its type must match/,
    )
    assert.throws(
      () => lintDefinition({ ...definitionOf(machine), version: 0 }),
      /its version must be an integer from 1/,
    )
  })

  test('everything at once, so that nobody mends one thing at a time', () => {
    const machine = createMachine({ entry: 'shout', exit: 'whisper' })
    assert.throws(() => lintDefinition(definitionOf(machine)), /"shout"[^]*"whisper"/)
  })
})

test('lintDefinition() puts the clock and chance back', () => {
  lintDefinition(definitionOf(createMachine({ context: { n: 0 } }), [{ input: null }]))
  assert.equal(typeof Date.now(), 'number')
  assert.equal(typeof new Date().getTime(), 'number')
  assert.ok(Math.random() < 1)
  assert.ok(crypto.randomUUID().length > 0)
})

test('lintDefinition() accepts a machine of named, pure parts', () => {
  const machine = setup({
    ...base,
    actions: { ...effectActions, count: assign({ n: ({ context }) => Number(context.n) + 1 }) },
    guards: { isFull: ({ context }) => context.n === 3 },
    delays: { soon: 1000 },
  }).createMachine({
    context: { n: 0 },
    initial: 'open',
    states: {
      open: {
        after: { soon: 'full' },
        on: { count: [{ guard: 'isFull', target: 'full' }, { actions: 'count' }] },
      },
      full: { entry: { type: 'announce', params: { topic: 'full', data: null } } },
    },
  })
  lintDefinition(
    definitionOf(machine, [{ input: null, events: [{ type: 'count' }, { type: 'count' }] }]),
  )
})

test('createRegistry() refuses the same version twice and answers with the newest', () => {
  const old = definitionOf(createMachine({ context: { v: 1 } }))
  const next = { ...definitionOf(createMachine({ context: { v: 2 } })), version: 2 }
  assert.throws(() => createRegistry([old, old]), /"thing@1" is registered twice/)
  assert.deepEqual(createRegistry([next, old]).initial('thing', null).context, { v: 2 })
})

test('createRegistry() keeps an actor on its version, and migrates it when the version is gone', () => {
  const old = definitionOf(createMachine({ context: { v: 1 }, on: { go: { actions: [] } } }))
  const next: ActorDefinition = {
    ...definitionOf(createMachine({ context: { v: 2 } })),
    version: 2,
    migrate: (snapshot) => ({ ...snapshot, context: { v: 2 } }),
  }
  const { snapshot } = createRegistry([old]).initial('thing', null)
  const stored = { ...snapshot } as never
  const kind = { type: 'thing', machineVersion: 1 }
  assert.equal(createRegistry([old, next]).step(kind, stored, { type: 'go' }).machineVersion, 1)
  const migrated = createRegistry([next]).step(kind, stored, { type: 'go' })
  assert.deepEqual([migrated.machineVersion, migrated.context], [2, { v: 2 }])
  const { migrate: _, ...stubborn } = next
  assert.throws(
    () => createRegistry([stubborn]).step(kind, stored, { type: 'go' }),
    /cannot migrate from it/,
  )
})

test('createRegistry() names the types it knows when asked for another', () => {
  assert.throws(
    () => createRegistry([definitionOf(createMachine({}))]).initial('job', null),
    /must be one of: thing/,
  )
})
