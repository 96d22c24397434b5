/** The worker machine: whether a worker may be given work, and who that worker is at the moment. */
import { and, assign, setup } from 'xstate'
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { WorkerCommand } from '../../kernel/contract/worker.ts'
import { effectActions } from '../engine/effects.ts'
import type { WorkerContext, WorkerEvent, WorkerIdentity, WorkerJoin } from './model.ts'

export const workerMachineVersion = 2

const workerSetup = setup({
  types: {
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    input: {} as WorkerIdentity,
  },
  actions: {
    ...effectActions,
    introduce: assign((_, { type: _type, yields: _yields, ...identity }: WorkerJoin) => identity),
    takeOut: assign({ isDrained: true }),
    putBack: assign({ isDrained: false }),
  },
  guards: {
    /** A process of its own that does not yield takes the name; the one before has lost it. */
    takesOver: ({ context, event }) =>
      event.type === 'join' && event.session !== context.session && event.yields !== true,
    isCurrentSession: ({ context, event }) =>
      'session' in event && event.session === context.session,
    isDrained: ({ context }) => context.isDrained,
    isInService: ({ context }) => !context.isDrained,
  },
})

type Named = Pick<WorkerContext, 'workerId' | 'session' | 'hostname' | 'region'>

/** The `announce` effect: which worker, and where. */
function announce(topic: string) {
  return {
    type: 'announce' as const,
    params: ({ context }: { readonly context: Named }): EffectParams<'announce'> => ({
      topic,
      data: {
        worker_id: context.workerId,
        hostname: context.hostname,
        region: context.region,
      },
    }),
  }
}

/** The `command` effect: tells the process that bears the name now. */
function tell(command: WorkerCommand) {
  return {
    type: 'command' as const,
    params: ({ context }: { readonly context: Named }): EffectParams<'command'> => ({
      workerId: context.workerId,
      session: context.session,
      command,
    }),
  }
}

const introduce = {
  type: 'introduce',
  params: ({ event }: { readonly event: WorkerJoin }) => event,
} as const
const joined = [introduce, announce('worker.joined')] as const

/** How a process that is gone ends a state. */
const endings = (target: 'offline' | 'removed') => ({
  leave: { guard: 'isCurrentSession', target },
  silent: { guard: 'isCurrentSession', target },
} as const)

// healthy ⇄ draining, both → restarting or leaving; offline when the process is gone, removed when it was leaving
export const workerMachine = workerSetup.createMachine({
  id: 'worker',
  context: ({ input }) => ({ ...input, isDrained: false }),
  entry: announce('worker.joined'),
  initial: 'healthy',
  states: {
    healthy: {
      description: 'Heartbeats come; it is given work.',
      on: {
        join: { guard: 'takesOver', actions: joined },
        drain: { target: 'draining', actions: 'takeOut' },
        restart: 'restarting',
        remove: 'leaving',
        ...endings('offline'),
      },
    },
    draining: {
      description: 'Taken out of work by people: finishes what it holds and takes nothing new.',
      entry: [announce('worker.draining'), tell('drain')],
      on: {
        // Whoever took a machine out of work wants it out, whatever its processes do.
        join: { guard: 'takesOver', target: 'draining', reenter: true, actions: joined },
        undrain: {
          target: 'healthy',
          actions: ['putBack', announce('worker.undrained'), tell('work')],
        },
        restart: 'restarting',
        remove: 'leaving',
        ...endings('offline'),
      },
    },
    restarting: {
      description: 'Finishes what it holds; then its next session begins.',
      entry: [announce('worker.restarting'), tell('restart')],
      on: {
        join: [
          { guard: and(['takesOver', 'isDrained']), target: 'draining', actions: joined },
          { guard: 'takesOver', target: 'healthy', actions: joined },
        ],
        remove: 'leaving',
        ...endings('offline'),
      },
    },
    leaving: {
      description: 'Removed by people: finishes what it holds, and goes for good.',
      entry: [announce('worker.leaving'), tell('leave')],
      on: {
        // Let in anew, it is a new worker.
        join: { guard: 'takesOver', target: 'healthy', actions: ['putBack', ...joined] },
        ...endings('removed'),
      },
    },
    offline: {
      description: 'Gone; its leases run out by themselves.',
      entry: announce('worker.offline'),
      on: {
        join: [
          { guard: 'isDrained', target: 'draining', actions: joined },
          { target: 'healthy', actions: joined },
        ],
        drain: { guard: 'isInService', actions: ['takeOut', announce('worker.draining')] },
        undrain: { guard: 'isDrained', actions: ['putBack', announce('worker.undrained')] },
        remove: 'removed',
      },
    },
    removed: {
      type: 'final',
      description: 'Gone for good; its rows are deleted.',
      entry: announce('worker.removed'),
    },
  },
})
