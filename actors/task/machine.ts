/** The task machine: one piece of work, leased to one worker at a time until it, or its hedge, is done or it is given up. */
import { and, assign, setup } from 'xstate'
import type { TaskResult } from '../../kernel/contract/task.ts'
import { effectActions } from '../engine/effects.ts'
import { covered, maxLosses, nextLease, notedBeforeRetry, verdictFor } from './attempts.ts'
import {
  damaged,
  doorbell,
  failed,
  finished,
  hedging,
  interruption,
  started,
  withdrawal,
} from './effects.ts'
import {
  type TaskContext,
  taskContextFrom,
  type TaskEvent,
  type TaskInput,
  usedAttempts,
} from './model.ts'
import { lostFailure, rememberedResult } from './results.ts'

export const taskMachineVersion = 1

const taskSetup = setup({
  types: {
    context: {} as TaskContext,
    events: {} as TaskEvent,
    input: {} as TaskInput,
  },
  actions: {
    ...effectActions,
    /** A new attempt in the hands of a worker. */
    lease: assign((_, lease: { workerId: string; leaseToken: string; attempt: number }) => lease),
    /** The worker stays on record: it is who did it. */
    endLease: assign({ leaseToken: null }),
    unassign: assign({ workerId: null }),
    remember: assign((_, { result }: { result: TaskResult }) => ({
      result: rememberedResult(result),
      failure: null,
    })),
    noteFailure: assign((_, noted: Partial<TaskContext>) => noted),
    /** The attempt under way does not count. */
    forgiveAttempt: assign({ maxAttempts: ({ context }) => context.maxAttempts + 1 }),
    /** The worker went, not the work: the attempt does not count, but the loss does. */
    countLoss: assign({
      maxAttempts: ({ context }) => context.maxAttempts + 1,
      losses: ({ context }) => context.losses + 1,
    }),
    /** As many attempts as at the start. */
    grantAttempts: assign({
      maxAttempts: ({ context }) => context.attempt + context.attemptsGranted,
      losses: 0,
    }),
    forgetResult: assign({ result: null }),
    settleCompleted: assign({ outcome: 'completed' }),
    settleFailed: assign({ outcome: 'failed' }),
    offerHedge: assign({ hedge: 'offered' }),
    startHedge: assign({ hedge: 'running' }),
    endHedge: assign(({ context }) => (hasHedge(context) ? { hedge: 'over' } as const : {})),
    /** The result of the hedge, and who made it. */
    adopt: assign((_, { workerId }: { workerId: string }) => ({ workerId })),
  },
  guards: {
    startsBlocked: ({ context }) => context.blocked,
    isFirstProbe: ({ context }) => context.kind === 'probe' && context.attempt === 0,
    holdsLease: ({ context, event }) =>
      'leaseToken' in event && event.leaseToken === context.leaseToken,
    answersWhatWasAsked: ({ context, event }) =>
      event.type === 'finish' && event.leaseToken === context.leaseToken &&
      event.result.kind === context.kind,
    needsNewInputs: ({ context, event }) => verdictFor(context, event)?.next === 'redo',
    mayRetry: ({ context, event }) => verdictFor(context, event)?.next === 'retry',
    isLostForGood: ({ context, event }) =>
      'leaseToken' in event && event.leaseToken === context.leaseToken &&
      context.losses >= maxLosses,
    mayHedge: ({ context, event }) =>
      event.type === 'hedge' && event.leaseToken === context.leaseToken &&
      context.kind === 'encode' && context.hedge === undefined,
    isOffered: ({ context }) => context.hedge === 'offered',
    hasHedge: ({ context }) => hasHedge(context),
    isOutdone: ({ context, event }) =>
      event.type === 'outdone' && hasHedge(context) && event.result.kind === context.kind,
    /** Its attempt ends while another worker has the hedge in hand. A broken source is broken for both. */
    isCovered: ({ context, event }) =>
      'leaseToken' in event && event.leaseToken === context.leaseToken &&
      context.hedge === 'running' &&
      !(event.type === 'fail' && event.failure.kind === 'invalid-input'),
    isUsedUp: ({ context }) => usedAttempts(context) >= context.attemptsGranted,
  },
  delays: {
    backoff: ({ context }) => context.retryDelayMs,
  },
})

function hasHedge({ hedge }: Pick<TaskContext, 'hedge'>): boolean {
  return hedge === 'offered' || hedge === 'running'
}

const taskActions = taskSetup.extend({
  actions: {
    withdrawHedge: taskSetup.enqueueActions(({ context, enqueue }) => {
      if (!hasHedge(context)) return
      enqueue({ type: 'tell', params: withdrawal(context) })
      enqueue('endHedge')
    }),
    interruptHolder: taskSetup.enqueueActions(({ context, enqueue }) => {
      if (context.leaseToken === null) return
      enqueue({ type: 'interrupt', params: interruption({ context }) })
    }),
  },
})

/** The worker is gone: the next one starts at once, unless this task has lost too many of them. */
const noteLoss = {
  type: 'noteFailure',
  params: ({ context }: { context: TaskContext }) => ({ failure: lostFailure(context) }),
} as const
const lost = [
  { guard: 'isLostForGood', target: 'failed', actions: [noteLoss, 'endLease'] },
  {
    guard: 'isCovered',
    target: 'waiting',
    actions: [noteLoss, { type: 'noteFailure', params: covered }, 'countLoss', 'endLease'],
  },
  {
    guard: 'holdsLease',
    target: 'ready',
    actions: [noteLoss, 'countLoss', 'withdrawHedge', 'endLease'],
  },
] as const

// (blocked →) ready → running → completed, with waiting between attempts; failed; closed when the job ended.
export const taskMachine = taskActions.createMachine({
  id: 'task',
  context: ({ input }) => taskContextFrom(input),
  initial: 'created',
  on: {
    jobEnded: '.closed',
    hedgeStarted: { guard: 'isOffered', actions: 'startHedge' },
    hedgeLost: { guard: 'hasHedge', actions: 'endHedge' },
    outdone: {
      guard: 'isOutdone',
      target: '.completed',
      actions: [
        'interruptHolder',
        'endLease',
        'endHedge',
        { type: 'adopt', params: ({ event }) => ({ workerId: event.workerId }) },
        { type: 'remember', params: ({ event }) => ({ result: event.result }) },
        { type: 'tell', params: finished },
      ],
    },
  },
  states: {
    created: {
      description: 'Just made: blocked when it needs what other tasks make, else ready.',
      always: [{ guard: 'startsBlocked', target: 'blocked' }, { target: 'ready' }],
    },
    blocked: {
      description: 'Waits for what it reads to be made, or made again.',
      on: { inputsReady: 'ready' },
    },
    ready: {
      description: 'Waits for a worker.',
      entry: ['unassign', { type: 'ring', params: doorbell }],
      on: {
        claim: [
          {
            guard: 'isFirstProbe',
            target: 'running',
            actions: [{ type: 'lease', params: nextLease }, { type: 'tell', params: started }],
          },
          { target: 'running', actions: { type: 'lease', params: nextLease } },
        ],
      },
    },
    running: {
      description: 'Leased: only whoever holds the lease token can end it.',
      on: {
        finish: {
          guard: 'answersWhatWasAsked',
          target: 'completed',
          actions: [
            { type: 'remember', params: ({ event }) => ({ result: event.result }) },
            'endLease',
            { type: 'tell', params: finished },
          ],
        },
        fail: [
          {
            guard: 'isCovered',
            target: 'waiting',
            actions: [
              {
                type: 'noteFailure',
                params: ({ context, event }) => ({
                  ...notedBeforeRetry(context, event.failure),
                  ...covered,
                }),
              },
              'endLease',
            ],
          },
          {
            guard: 'needsNewInputs',
            target: 'blocked',
            actions: [
              { type: 'noteFailure', params: ({ event }) => ({ failure: event.failure }) },
              'forgiveAttempt',
              'endLease',
              { type: 'tell', params: damaged },
            ],
          },
          {
            guard: 'mayRetry',
            target: 'waiting',
            actions: [
              {
                type: 'noteFailure',
                params: ({ context, event }) => notedBeforeRetry(context, event.failure),
              },
              'withdrawHedge',
              'endLease',
            ],
          },
          {
            guard: 'holdsLease',
            target: 'failed',
            actions: [
              { type: 'noteFailure', params: ({ event }) => ({ failure: event.failure }) },
              'endLease',
            ],
          },
        ],
        release: [
          {
            guard: 'isCovered',
            target: 'waiting',
            actions: [{ type: 'noteFailure', params: covered }, 'forgiveAttempt', 'endLease'],
          },
          {
            guard: 'holdsLease',
            target: 'ready',
            actions: ['forgiveAttempt', 'withdrawHedge', 'endLease'],
          },
        ],
        leaseExpired: lost,
        workerLost: lost,
        requeue: {
          target: 'ready',
          actions: [
            { type: 'interrupt', params: interruption },
            'grantAttempts',
            'withdrawHedge',
            'endLease',
          ],
        },
        hedge: {
          guard: 'mayHedge',
          actions: [{ type: 'spawn', params: hedging }, 'offerHedge'],
        },
        jobEnded: {
          target: 'closed',
          actions: [{ type: 'interrupt', params: interruption }, 'endLease'],
        },
      },
    },
    waiting: {
      description: 'Waits a while before the next attempt, or for its hedge.',
      after: { backoff: 'ready' },
      on: {
        requeue: { target: 'ready', actions: ['grantAttempts', 'withdrawHedge'] },
        hedgeLost: [
          { guard: and(['hasHedge', 'isUsedUp']), target: 'failed', actions: 'endHedge' },
          { guard: 'hasHedge', target: 'ready', actions: 'endHedge' },
        ],
      },
    },
    completed: {
      description: 'Its result is in use, until it turns out to be damaged.',
      entry: 'withdrawHedge',
      on: {
        redo: { target: 'ready', actions: ['forgetResult', 'grantAttempts'] },
        inputsReady: { target: 'ready', actions: ['forgetResult', 'grantAttempts'] },
        jobEnded: { target: 'closed', actions: 'settleCompleted' },
      },
    },
    failed: {
      description: 'Given up; its job fails with it.',
      entry: [{ type: 'tell', params: failed }, 'withdrawHedge'],
      on: {
        requeue: { target: 'ready', actions: 'grantAttempts' },
        jobEnded: { target: 'closed', actions: 'settleFailed' },
      },
    },
    closed: {
      description: 'The job ended; nothing happens any more.',
      type: 'final',
      entry: 'withdrawHedge',
    },
  },
})
