/** Two small machines that use everything the engine has: a pipeline that spawns tasks, and leased tasks that wait and retry. */
import { assign, setup } from 'xstate'
import type { JobRow, TaskRow } from '../../../kernel/db/actor-store.ts'
import { defineActor } from '../definition.ts'
import { effectActions } from '../effects.ts'
import type { Scenario } from './scenario.ts'

/** Milliseconds that a silent worker keeps a toy task. */
const leaseMs = 5000

type PipelineInput = { readonly id: string; readonly tasks: number }
type PipelineContext = PipelineInput & { readonly finished: number }
type PipelineEvent = { readonly type: 'taskFinished' } | { readonly type: 'cancel' }

// working → finished | cancelled
const pipelineMachine = setup({
  types: {
    context: {} as PipelineContext,
    input: {} as PipelineInput,
    events: {} as PipelineEvent,
  },
  actions: { ...effectActions, count: assign({ finished: ({ context }) => context.finished + 1 }) },
  guards: { isFinished: ({ context }) => context.finished === context.tasks },
  delays: { nudge: 4000 },
}).createMachine({
  id: 'pipeline',
  context: ({ input }) => ({ ...input, finished: 0 }),
  initial: 'starting',
  states: {
    starting: {
      description: 'Makes its tasks, one after the other.',
      entry: [
        { type: 'spawn', params: ({ context }) => spawned(context, 0) },
        { type: 'spawn', params: ({ context }) => spawned(context, 1) },
      ],
      always: 'working',
    },
    working: {
      description: 'Counts what is finished; says when nothing happens for a while.',
      after: {
        nudge: {
          target: 'working',
          reenter: true,
          actions: { type: 'announce', params: { topic: 'nudge', data: null } },
        },
      },
      always: { guard: 'isFinished', target: 'finished' },
      on: {
        taskFinished: { target: 'working', reenter: true, actions: 'count' },
        cancel: 'cancelled',
      },
    },
    finished: { type: 'final', entry: { type: 'tellTasks', params: ended } },
    cancelled: { type: 'final', entry: { type: 'tellTasks', params: ended } },
  },
})

function ended({ context }: { context: PipelineContext }) {
  return { jobId: context.id, event: { type: 'jobEnded' } }
}

function spawned({ id }: PipelineContext, index: number) {
  return { type: 'toy-task', id: `${id}.t${index}`, input: { jobId: id, index } }
}

type TaskInput = { readonly jobId: string; readonly index: number }
type TaskContext = TaskInput & {
  readonly attempt: number
  readonly workerId: string | null
  readonly leaseToken: string | null
}
type TaskEvent =
  | { readonly type: 'claim'; readonly workerId: string; readonly leaseToken: string }
  | { readonly type: 'finish' | 'fail' | 'release' | 'leaseExpired'; readonly leaseToken: string }
  | { readonly type: 'requeue' | 'jobEnded' }

const toyTaskSetup = setup({
  types: { context: {} as TaskContext, input: {} as TaskInput, events: {} as TaskEvent },
  actions: {
    ...effectActions,
    lease: assign((_, lease: { workerId: string; leaseToken: string; attempt: number }) => lease),
    endLease: assign({ workerId: null, leaseToken: null }),
  },
  guards: {
    holdsLease: ({ context, event }) =>
      'leaseToken' in event && event.leaseToken === context.leaseToken,
  },
  delays: { backoff: ({ context }) => 1000 * context.attempt },
})

// ready → running → done, with waiting between attempts; closed when the pipeline ended
const toyTaskMachine = toyTaskSetup.createMachine({
  id: 'toy-task',
  context: ({ input }) => ({ ...input, attempt: 0, workerId: null, leaseToken: null }),
  initial: 'ready',
  on: { jobEnded: { target: '.closed', actions: 'endLease' } },
  states: {
    ready: {
      entry: {
        type: 'ring',
        params: ({ context }) => ({
          taskId: `${context.jobId}.t${context.index}`,
          lane: 'cpu',
          region: 'local',
        }),
      },
      on: {
        claim: {
          target: 'running',
          actions: {
            type: 'lease',
            params: ({ context, event }) => ({
              workerId: event.workerId,
              leaseToken: event.leaseToken,
              attempt: context.attempt + 1,
            }),
          },
        },
      },
    },
    running: {
      on: {
        finish: { guard: 'holdsLease', target: 'done', actions: 'endLease' },
        fail: { guard: 'holdsLease', target: 'waiting', actions: 'endLease' },
        release: { guard: 'holdsLease', target: 'ready', actions: 'endLease' },
        leaseExpired: { guard: 'holdsLease', target: 'ready', actions: 'endLease' },
        requeue: { target: 'ready', actions: 'endLease' },
      },
    },
    waiting: { after: { backoff: 'ready' }, on: { requeue: 'ready' } },
    done: {
      entry: {
        type: 'tell',
        params: ({ context }) => ({ to: context.jobId, event: { type: 'taskFinished' } }),
      },
    },
    closed: { type: 'final' },
  },
})

/** A task that believes any token: for seeing that the invariants notice. */
const trustingTaskMachine = toyTaskMachine.provide({ guards: { holdsLease: () => true } })

function scenarioWith(taskMachine: typeof toyTaskMachine): Scenario {
  return {
    definitions: [
      defineActor({
        type: 'pipeline',
        version: 1,
        machine: pipelineMachine,
        view: ({ id, value, context }) => ({ jobs: [jobRowFrom(id, String(value), context)] }),
      }),
      defineActor({
        type: 'toy-task',
        version: 1,
        machine: taskMachine,
        view: ({ id, value, context }) => ({ tasks: [taskRowFrom(id, String(value), context)] }),
      }),
    ],
    rootType: 'pipeline',
    lanes: ['cpu'],
    leaseMs,
    rootInput: (id) => ({ id, tasks: 2 }),
    report: (_task, leaseToken, random, calm) => {
      const type = calm ? 'finish' : random.pick(['finish', 'finish', 'finish', 'fail', 'release'])
      return { type, leaseToken }
    },
    disturb: (random) =>
      random.chance(0.2)
        ? { to: 'root', event: { type: 'cancel' } }
        : { to: 'task', event: { type: 'requeue' } },
  }
}

export const toyScenario: Scenario = scenarioWith(toyTaskMachine)
export const trustingToyScenario: Scenario = scenarioWith(trustingTaskMachine)

function jobRowFrom(id: string, status: string, context: PipelineContext): JobRow {
  return {
    id,
    userId: 'u',
    sourceType: 'url',
    sourceUrl: '',
    profileId: 'toy',
    profile: null,
    priority: 0,
    deadline: null,
    status,
    phase: status,
    tasksTotal: context.tasks,
    tasksCompleted: context.finished,
    error: null,
    retryOf: null,
    plan: null,
    outputs: [],
    report: null,
    correlationId: '',
  }
}

const statuses: Readonly<Record<string, TaskRow['status']>> = {
  ready: 'ready',
  running: 'running',
  waiting: 'waiting',
  done: 'completed',
  closed: 'completed',
}

function taskRowFrom(id: string, state: string, context: TaskContext): TaskRow {
  return {
    id,
    jobId: context.jobId,
    kind: 'encode',
    index: context.index,
    params: null,
    startSeconds: 0,
    endSeconds: 0,
    weight: 1,
    status: statuses[state] ?? 'waiting',
    lane: 'cpu',
    videoCodec: '',
    region: 'local',
    priority: 0,
    deadline: null,
    owner: 'u',
    attempt: context.attempt,
    maxAttempts: 3,
    avoidWorkerId: null,
    workerId: context.workerId,
    leaseToken: context.leaseToken,
    leaseMs,
    result: null,
    outputKey: null,
    outputSizeBytes: null,
    error: null,
    hedgeOf: null,
  }
}
