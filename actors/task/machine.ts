/** The task machine: one piece of work, leased to one worker at a time until it is done or given up. */
import { assign, setup } from 'xstate'
import type { TaskResult } from '../../kernel/contract/task.ts'
import { effectActions } from '../engine/effects.ts'
import { maxLosses, nextLease, notedBeforeRetry, verdictFor } from './attempts.ts'
import { damaged, doorbell, failed, finished, interruption, started } from './effects.ts'
import { type TaskContext, taskContextFrom, type TaskEvent, type TaskInput } from './model.ts'
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
  },
  delays: {
    backoff: ({ context }) => context.retryDelayMs,
  },
})

/** The worker is gone: the next one starts at once, unless this task has lost too many of them. */
const noteLoss = {
  type: 'noteFailure',
  params: ({ context }: { context: TaskContext }) => ({ failure: lostFailure(context) }),
} as const
const lost = [
  { guard: 'isLostForGood', target: 'failed', actions: [noteLoss, 'endLease'] },
  { guard: 'holdsLease', target: 'ready', actions: [noteLoss, 'countLoss', 'endLease'] },
] as const

// (blocked →) ready → running → completed, with waiting between attempts; failed; closed when the job ended.
export const taskMachine = taskSetup.createMachine({
  id: 'task',
  context: ({ input }) => taskContextFrom(input),
  initial: 'created',
  on: { jobEnded: '.closed' },
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
        release: {
          guard: 'holdsLease',
          target: 'ready',
          actions: ['forgiveAttempt', 'endLease'],
        },
        leaseExpired: lost,
        workerLost: lost,
        requeue: {
          target: 'ready',
          actions: [{ type: 'interrupt', params: interruption }, 'grantAttempts', 'endLease'],
        },
        jobEnded: {
          target: 'closed',
          actions: [{ type: 'interrupt', params: interruption }, 'endLease'],
        },
      },
    },
    waiting: {
      description: 'Waits a while before the next attempt.',
      after: { backoff: 'ready' },
      on: { requeue: { target: 'ready', actions: 'grantAttempts' } },
    },
    completed: {
      description: 'Its result is in use, until it turns out to be damaged.',
      on: {
        redo: { target: 'ready', actions: ['forgetResult', 'grantAttempts'] },
        inputsReady: { target: 'ready', actions: ['forgetResult', 'grantAttempts'] },
        jobEnded: { target: 'closed', actions: 'settleCompleted' },
      },
    },
    failed: {
      description: 'Given up; its job fails with it.',
      entry: { type: 'tell', params: failed },
      on: {
        requeue: { target: 'ready', actions: 'grantAttempts' },
        jobEnded: { target: 'closed', actions: 'settleFailed' },
      },
    },
    closed: {
      description: 'The job ended; nothing happens any more.',
      type: 'final',
    },
  },
})
