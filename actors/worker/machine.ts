/** The worker machine: whether a worker may be given work, and who that worker is at the moment. */
import { assign, setup } from 'xstate'
import type { EffectParams } from '../../kernel/contract/effect.ts'
import { effectActions } from '../engine/effects.ts'
import type { WorkerContext, WorkerEvent, WorkerIdentity } from './model.ts'

export const workerMachineVersion = 1

const workerSetup = setup({
  types: {
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    input: {} as WorkerIdentity,
  },
  actions: {
    ...effectActions,
    introduce: assign((_, { type: _type, ...identity }: WorkerIdentity & { type: 'join' }) =>
      identity
    ),
  },
  guards: {
    isNewSession: ({ context, event }) =>
      event.type === 'join' && event.session !== context.session,
    isCurrentSession: ({ context, event }) => event.session === context.session,
  },
})

/** Params of the `announce` effect: which worker, in which session, and where. */
function announced(topic: string) {
  return (
    { context }: {
      readonly context: Pick<WorkerContext, 'workerId' | 'session' | 'hostname' | 'region'>
    },
  ): EffectParams<'announce'> => ({
    topic,
    data: {
      worker_id: context.workerId,
      hostname: context.hostname,
      region: context.region,
    },
  })
}

const joins = [
  {
    guard: 'isNewSession',
    target: 'healthy',
    reenter: true,
    actions: {
      type: 'introduce',
      params: ({ event }: { event: WorkerIdentity & { type: 'join' } }) => event,
    },
  },
] as const

// healthy → draining → offline, and back to healthy whenever a process of that name joins
export const workerMachine = workerSetup.createMachine({
  id: 'worker',
  context: ({ input }) => ({ ...input }),
  initial: 'healthy',
  states: {
    healthy: {
      description: 'Heartbeats come; it is given work.',
      entry: { type: 'announce', params: announced('worker.joined') },
      on: {
        join: joins,
        drain: { guard: 'isCurrentSession', target: 'draining' },
        leave: { guard: 'isCurrentSession', target: 'offline' },
        silent: { guard: 'isCurrentSession', target: 'offline' },
      },
    },
    draining: {
      description: 'Finishes what it holds and takes nothing new.',
      on: {
        join: joins,
        leave: { guard: 'isCurrentSession', target: 'offline' },
        silent: { guard: 'isCurrentSession', target: 'offline' },
      },
    },
    offline: {
      description: 'Gone; its leases run out by themselves.',
      entry: { type: 'announce', params: announced('worker.offline') },
      on: {
        join: {
          target: 'healthy',
          actions: { type: 'introduce', params: ({ event }) => event },
        },
      },
    },
  },
})
