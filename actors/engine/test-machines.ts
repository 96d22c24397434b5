/** One small machine and the parts of an engine around it, for the tests of this folder. */
import { assign, setup } from 'xstate'
import type { BatchState, StoredActor } from '../../kernel/db/actor-store.ts'
import { silentLog } from '../../kernel/log.ts'
import { createCounters } from './counters.ts'
import { defineActor } from './definition.ts'
import type { EventDelivery } from './delivery.ts'
import type { OuterHandlers } from './effect-handlers.ts'
import { effectActions } from './effects.ts'
import { createRegistry } from './registry.ts'
import { createMemoryStore } from './simulation/memory-store.ts'
import { createVirtualClock, settled, type VirtualClock } from './simulation/virtual-clock.ts'

type CounterContext = { readonly n: number }

const counterSetup = setup({
  types: {
    context: {} as CounterContext,
    input: {} as { n?: number } | null,
    events: {} as { type: string; to?: string; id?: string },
  },
  actions: {
    ...effectActions,
    add: assign({ n: ({ context }) => context.n + 1 }),
    fail: assign(() => {
      throw new Error('this event always fails')
    }),
  },
  delays: { soon: 1000 },
})

/** idle ⇄ waiting (a second), until it is ended. */
const counterMachine = counterSetup.createMachine({
  id: 'counter',
  context: ({ input }) => ({ n: input?.n ?? 0 }),
  initial: 'idle',
  on: {
    add: { actions: 'add' },
    fail: { actions: 'fail' },
    tell: {
      actions: {
        type: 'tell',
        params: ({ event }) => ({ to: String(event.to), event: { type: 'add' } }),
      },
    },
    spawn: {
      actions: {
        type: 'spawn',
        params: ({ event }) => ({ type: 'counter', id: String(event.id), input: { n: 7 } }),
      },
    },
    announce: { actions: { type: 'announce', params: { topic: 'counted', data: null } } },
    wait: { target: '.waiting', reenter: true },
    stop: '.idle',
    end: '.ended',
  },
  states: {
    idle: {},
    waiting: { after: { soon: { target: 'idle', actions: 'add' } } },
    ended: { type: 'final' },
  },
})

/** Key of the timer of `waiting`. */
export const timerKey = 'xstate.after.soon.counter.waiting'

export const counterRegistry = createRegistry([
  defineActor({ type: 'counter', version: 1, machine: counterMachine, view: () => ({}) }),
])

/** A stored counter. */
export function counterActor(id: string, n = 0, version = 0): StoredActor {
  const { snapshot, status } = counterRegistry.initial('counter', { n })
  return {
    id,
    type: 'counter',
    machineVersion: 1,
    format: 'xstate5',
    version,
    status,
    snapshot: snapshot as never,
  }
}

/** What a transaction sees that holds these actors, with every event new. */
export function stateWith(
  actors: readonly StoredActor[],
  deliveries: readonly EventDelivery[],
  facts: Partial<BatchState> = {},
): BatchState {
  return {
    actors: new Map(actors.map((actor) => [actor.id, actor])),
    fresh: new Set(deliveries.map(({ actorId, eventId }) => `${actorId}\n${eventId}`)),
    fired: new Set(),
    expired: new Set(),
    nowMs: 0,
    ...facts,
  }
}

let events = 0

/** A delivery under a new event id. */
export function eventTo(
  actorId: string,
  type: string,
  more: Partial<EventDelivery> & { readonly event?: never } = {},
): EventDelivery {
  return { kind: 'event', eventId: `e${events++}`, actorId, event: { type }, ...more }
}

/** Handlers that do nothing. */
export const idleHandlers: OuterHandlers = {
  ring: async () => {},
  interrupt: async () => {},
  command: async () => {},
  announce: async () => {},
  clean: async () => {},
}

/** A memory store with its own virtual clock, and what the parts of an engine ask for. */
export function createParts() {
  const clock = createVirtualClock()
  const store = createMemoryStore({ clock })
  return {
    store,
    clock,
    registry: counterRegistry,
    log: silentLog,
    counters: createCounters(),
    onCommit() {},
  }
}

/** Moves the clock until `promise` settles. @throws when the clock has nothing left to do before that */
export async function settle<T>(
  clock: VirtualClock,
  promise: Promise<T>,
): Promise<T> {
  let done = false
  const mark = () => {
    done = true
  }
  promise.then(mark, mark)
  await settled()
  while (!done) {
    if (!await clock.advance()) throw new Error('nothing is due, and the promise still waits')
  }
  return await promise
}

/** Lets everything happen that is due within `ms`. */
export async function runFor(clock: VirtualClock, ms: number): Promise<void> {
  await settled()
  const until = clock.now() + ms
  // So that the time passes even when nothing is due.
  clock.after(ms, () => {})
  while (clock.nextAt <= until) await clock.advance()
}
