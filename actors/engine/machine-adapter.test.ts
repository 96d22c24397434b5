/** The traps of XState that would make an actor lose or invent something, each as a test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnyStateMachine,
  assign,
  cancel,
  createMachine,
  emit,
  fromTransition,
  log,
  raise,
  sendParent,
  sendTo,
  setup,
} from 'xstate'
import type { SnapshotJson } from './definition.ts'
import { effectActions } from './effects.ts'
import { createMachineAdapter, maxMicrosteps } from './machine-adapter.ts'

const counting = setup({
  types: { context: {} as { n: number; tags: string[] }, events: {} as { type: string } },
  actions: {
    ...effectActions,
    count: assign({ n: ({ context }) => context.n + 1 }),
    mutate: assign(({ context }) => {
      context.tags.push('mutated')
      return {}
    }),
    clock: assign({ tags: () => [new Date(0)] as unknown as string[] }),
  },
  delays: { soon: 1000 },
}).createMachine({
  id: 'counting',
  context: { n: 0, tags: [] },
  initial: 'on',
  states: {
    on: {
      after: { soon: 'off' },
      on: {
        count: { actions: 'count' },
        again: { target: 'on', reenter: true },
        mutate: { actions: 'mutate' },
        clock: { actions: 'clock' },
        end: 'ended',
        tell: { actions: { type: 'tell', params: { to: 'a', event: { type: 'hi' } } } },
      },
    },
    off: {},
    ended: { type: 'final' },
  },
})

const throughJson = (snapshot: SnapshotJson) => JSON.parse(JSON.stringify(snapshot)) as SnapshotJson
const adapter = createMachineAdapter(counting)
const born = adapter.initial(null)

test('initial() calls the context factory once, with the real input, and step() never', () => {
  const inputs: unknown[] = []
  const machine = createMachine({
    context: ({ input }) => {
      inputs.push(input)
      return { n: 0 }
    },
    on: { go: { actions: [] } },
  })
  const { initial, step } = createMachineAdapter(machine)
  const { snapshot } = initial({ id: 'x' })
  step(snapshot, { type: 'go' })
  step(throughJson(snapshot), { type: 'go' })
  assert.deepEqual(inputs, [{ id: 'x' }])
})

test('initial() throws what XState would hide in a snapshot of status error', () => {
  const machine = createMachine({ context: ({ input }) => ({ id: (input as { id: string }).id }) })
  assert.throws(
    () => createMachineAdapter(machine).initial(null),
    (failure: Error) => failure.cause instanceof TypeError,
  )
})

test('step() refuses a snapshot that has ended, which XState would go on with', () => {
  const { snapshot } = adapter.step(born.snapshot, { type: 'end' })
  assert.equal(snapshot.status, 'done')
  assert.throws(() => adapter.step(snapshot, { type: 'count' }), /must be active, and it is done/)
})

test('step() says that nothing changed when the machine has no transition', () => {
  for (const snapshot of [born.snapshot, throughJson(born.snapshot)]) {
    const step = adapter.step(snapshot, { type: 'unknown' })
    assert.equal(step.changed, false)
    assert.deepEqual(step.effects, [])
  }
})

test('step() says that something changed when only an effect was asked for', () => {
  const step = adapter.step(born.snapshot, { type: 'tell' })
  assert.equal(step.changed, true)
  assert.deepEqual(step.effects, [{ name: 'tell', params: { to: 'a', event: { type: 'hi' } } }])
})

test('step() gives the same from a live snapshot and from its JSON', () => {
  let [live, stored] = [born, born]
  for (const type of ['count', 'again', 'count', 'tell', 'unknown', 'again', 'end']) {
    live = adapter.step(live.snapshot, { type })
    stored = adapter.step(throughJson(stored.snapshot), { type })
    assert.deepEqual(stored, live)
  }
})

test('step() stops an assignment that changes the context in place', () => {
  for (const snapshot of [born.snapshot, throughJson(born.snapshot)]) {
    assert.throws(() => adapter.step(snapshot, { type: 'mutate' }), TypeError)
    assert.deepEqual(snapshot.context, { n: 0, tags: [] })
  }
  assert.deepEqual(adapter.initial(null).context, { n: 0, tags: [] })
})

test('step() refuses a context that does not survive JSON', () => {
  assert.throws(
    () => adapter.step(born.snapshot, { type: 'clock' }),
    /context\.tags\[0\] must survive JSON: it is an instance of Date/,
  )
})

test('step() bounds transitions that trigger each other for ever', () => {
  const machine = createMachine({
    initial: 'a',
    states: { a: { on: { go: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
  })
  const { initial, step } = createMachineAdapter(machine)
  assert.throws(
    () => step(initial(null).snapshot, { type: 'go' }),
    new RegExp(`more than ${maxMicrosteps} microsteps`),
  )
})

test('step() refuses an actor spawned in an assignment, which XState does not report', () => {
  const machine = createMachine({
    context: {},
    on: {
      go: {
        actions: assign({
          child: ({ spawn }) => spawn(fromTransition((state: number) => state, 0)),
        }),
      },
    },
  })
  const { initial, step } = createMachineAdapter(machine)
  assert.throws(() => step(initial(null).snapshot, { type: 'go' }), /must not spawn XState actors/)
})

test('initial() refuses an actor spawned in the context factory', () => {
  const machine = createMachine({
    context: ({ spawn }) => ({ child: spawn(fromTransition((state: number) => state, 0)) }),
  })
  assert.throws(
    () => createMachineAdapter(machine).initial(null),
    (failure: Error) => /must not spawn/.test(String(failure.cause)),
  )
})

for (
  const [name, action] of Object.entries({
    sendTo: sendTo('someone', { type: 'hi' }),
    sendParent: sendParent({ type: 'hi' }),
    emit: emit({ type: 'hi' }),
    log: log('hi'),
    'a function without a name in the vocabulary': function notify() {},
  })
) {
  test(`step() refuses ${name}`, () => {
    const machine = createMachine({ on: { go: { actions: action as never } } })
    const { initial, step } = createMachineAdapter(machine)
    assert.throws(() => step(initial(null).snapshot, { type: 'go' }))
  })
}

test('step() refuses an effect with wrong params', () => {
  const machine = createMachine({ on: { go: { actions: { type: 'tell', params: { to: 7 } } } } })
  const { initial, step } = createMachineAdapter(machine)
  assert.throws(() => step(initial(null).snapshot, { type: 'go' }), /"tell" with wrong params/)
})

test('step() makes `after` a timer, and cancels it when the state is left', () => {
  const key = 'xstate.after.soon.counting.on'
  assert.deepEqual(born.timers, [{ kind: 'set', key, delayMs: 1000, event: { type: key } }])
  assert.deepEqual(adapter.step(born.snapshot, { type: 'end' }).timers, [{ kind: 'cancel', key }])
})

test('step() sets a timer anew under the same key when its state is entered again', () => {
  const { timers } = adapter.step(born.snapshot, { type: 'again' })
  assert.deepEqual(timers.map(({ kind }) => kind), ['cancel', 'set'])
  assert.equal(timers[0]?.key, timers[1]?.key)
})

test('step() turns a delayed raise into a timer, cancel() into its end, and swallows a raise at once', () => {
  const machine = setup({
    delays: { later: 50 },
    actions: {
      ...effectActions,
      remind: raise({ type: 'reminded' }, { id: 'reminder', delay: 'later' }),
      forget: cancel('reminder'),
      now: raise({ type: 'tell' }),
    },
  }).createMachine({
    on: {
      remind: { actions: 'remind' },
      forget: { actions: 'forget' },
      now: { actions: 'now' },
      tell: { actions: { type: 'tell', params: { to: 'a', event: { type: 'hi' } } } },
    },
  })
  const { initial, step } = createMachineAdapter(machine as AnyStateMachine)
  const { snapshot } = initial(null)
  assert.deepEqual(step(snapshot, { type: 'remind' }).timers, [
    { kind: 'set', key: 'reminder', delayMs: 50, event: { type: 'reminded' } },
  ])
  assert.deepEqual(step(snapshot, { type: 'forget' }).timers, [{ kind: 'cancel', key: 'reminder' }])
  const raised = step(snapshot, { type: 'now' })
  assert.deepEqual([raised.timers.length, raised.effects.length], [0, 1])
})

test('step() remembers history through JSON', () => {
  const machine = createMachine({
    initial: 'work',
    states: {
      work: {
        initial: 'one',
        on: { pause: 'paused' },
        states: { one: { on: { next: 'two' } }, two: {}, last: { type: 'history' } },
      },
      paused: { on: { resume: 'work.last' } },
    },
  })
  const { initial, step } = createMachineAdapter(machine)
  const paused = step(step(initial(null).snapshot, { type: 'next' }).snapshot, { type: 'pause' })
  assert.deepEqual(step(throughJson(paused.snapshot), { type: 'resume' }).value, { work: 'two' })
})

test('step() refuses a state that the machine does not have', () => {
  assert.throws(() =>
    adapter.step({ status: 'active', value: 'gone', context: {} }, { type: 'count' })
  )
})

test('step() refuses a stored value without a region that the machine has now', () => {
  const machine = createMachine({
    type: 'parallel',
    states: {
      old: { initial: 'a', states: { a: {} } },
      added: { initial: 'b', states: { b: {} } },
    },
  })
  const { step } = createMachineAdapter(machine)
  const stored: SnapshotJson = { status: 'active', value: { old: 'a' }, context: {} }
  assert.throws(() => step(stored, { type: 'go' }), /cannot restore the state/)
})

test('step() takes a stored value whose keys come in another order', () => {
  const machine = createMachine({
    type: 'parallel',
    states: { a: { initial: 'x', states: { x: {} } }, b: { initial: 'y', states: { y: {} } } },
  })
  const { step } = createMachineAdapter(machine)
  const stored: SnapshotJson = { status: 'active', value: { b: 'y', a: 'x' }, context: {} }
  assert.equal(step(stored, { type: 'go' }).changed, false)
})
