/** The hedge machine: one second run of a straggling chunk, leased to one worker once, and withdrawn when it is not needed. */
import { assign, setup } from 'xstate'
import type { TaskFailure } from '../../kernel/contract/task.ts'
import { effectActions } from '../engine/effects.ts'
import { nextLease } from '../task/attempts.ts'
import { lostFailure } from '../task/results.ts'
import { doorbell, interruption, lost, outdone, started } from './effects.ts'
import { type HedgeContext, hedgeContextFrom, type HedgeEvent, type HedgeInput } from './model.ts'

export const hedgeMachineVersion = 1

const hedgeSetup = setup({
  types: {
    context: {} as HedgeContext,
    events: {} as HedgeEvent,
    input: {} as HedgeInput,
  },
  actions: {
    ...effectActions,
    lease: assign((_, lease: { workerId: string; leaseToken: string; attempt: number }) => lease),
    /** The worker stays on record: it is who did it. */
    endLease: assign({ leaseToken: null }),
    remember: assign((_, result: Pick<HedgeContext, 'result'>) => result),
    noteFailure: assign((_, failure: TaskFailure) => ({ failure })),
  },
  guards: {
    holdsLease: ({ context, event }) =>
      'leaseToken' in event && event.leaseToken === context.leaseToken,
    answersWhatWasAsked: ({ context, event }) =>
      event.type === 'finish' && event.leaseToken === context.leaseToken &&
      event.result.kind === context.params.kind,
  },
})

/** The worker gave it back or is gone. */
const abandoned = {
  guard: 'holdsLease',
  target: 'lost',
  actions: [{
    type: 'noteFailure',
    params: ({ context }: { context: HedgeContext }) => lostFailure(context),
  }, 'endLease'],
} as const

const interrupted = {
  target: 'withdrawn',
  actions: [{ type: 'interrupt', params: interruption }, 'endLease'],
} as const

// ready → running → won; lost when its worker failed or went; withdrawn when it is not needed
export const hedgeMachine = hedgeSetup.createMachine({
  id: 'hedge',
  context: ({ input }) => hedgeContextFrom(input),
  initial: 'ready',
  states: {
    ready: {
      description: 'Waits for a worker other than the one that is slow.',
      entry: { type: 'ring', params: doorbell },
      on: {
        claim: {
          target: 'running',
          actions: [{ type: 'lease', params: nextLease }, { type: 'tell', params: started }],
        },
        withdraw: 'withdrawn',
        jobEnded: 'withdrawn',
      },
    },
    running: {
      description: 'Races with the straggler: only whoever holds the lease token can end it.',
      on: {
        finish: {
          guard: 'answersWhatWasAsked',
          target: 'won',
          actions: [
            { type: 'remember', params: ({ event }) => ({ result: event.result }) },
            { type: 'tell', params: outdone },
            'endLease',
          ],
        },
        fail: {
          guard: 'holdsLease',
          target: 'lost',
          actions: [{ type: 'noteFailure', params: ({ event }) => event.failure }, 'endLease'],
        },
        release: abandoned,
        leaseExpired: abandoned,
        workerLost: abandoned,
        withdraw: interrupted,
        jobEnded: interrupted,
      },
    },
    won: {
      description: 'It was ready first: its result is handed to the straggler.',
      type: 'final',
    },
    lost: {
      description: 'Ended without a result; the straggler goes on alone.',
      type: 'final',
      entry: { type: 'tell', params: lost },
    },
    withdrawn: {
      description: 'Not needed any more.',
      type: 'final',
    },
  },
})
