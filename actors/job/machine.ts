/** The job machine: from a source to verified output files. It orders tasks and counts them; the tasks do the work. */
import { assign, setup } from 'xstate'
import type { TaskKind } from '../../kernel/contract/task.ts'
import { effectActions } from '../engine/effects.ts'
import type { TaskDamaged, TaskFinished } from '../task/model.ts'
import { announcementOf } from './announcement.ts'
import { damageOf, failureOf, maxRedoRounds, nothingToEncode } from './failure.ts'
import { type JobContext, jobContextFrom, type JobEvent, type JobInput, makerOf } from './model.ts'
import { planTasks, probeTask } from './plan.ts'
import { plannedFrom } from './planned.ts'
import { tasksToRedo } from './redo.ts'
import { inputsReady, jobEnded, redo, spawning } from './effects.ts'

export const jobMachineVersion = 1

const jobSetup = setup({
  types: {
    context: {} as JobContext,
    events: {} as JobEvent,
    input: {} as JobInput,
  },
  actions: {
    ...effectActions,
    takePlan: assign(({ context }, told: TaskFinished) => plannedFrom(context, told)),
    countTask: assign({ tasksCompleted: ({ context }) => context.tasksCompleted + 1 }),
    countEncoded: assign({ encodesLeft: ({ context }) => context.encodesLeft - 1 }),
    /** Results that have to be made again; `encodes` of them by encode and audio tasks. */
    uncountTasks: assign(({ context }, { tasks, encodes }: { tasks: number; encodes: number }) => ({
      tasksCompleted: context.tasksCompleted - tasks,
      encodesLeft: encodes,
      redoRounds: context.redoRounds + 1,
    })),
    takeOutputs: assign((_, { outputs, report }: TaskFinished) => ({
      outputs: outputs ?? [],
      report: report ?? null,
    })),
    noteFailure: assign((_, error: NonNullable<JobContext['error']>) => ({ error })),
  },
  guards: {
    isFrom: ({ event }, { kinds }: { kinds: readonly TaskKind[] }) =>
      'kind' in event && kinds.includes(event.kind),
    isFromMaker: ({ context, event }) => 'kind' in event && event.kind === makerOf(context),
    hasNothingToDo: ({ context }) => context.plan !== null && context.tasksTotal === 1,
    isPlanned: ({ context }) => context.plan !== null,
    isReadyToJoin: ({ context }) => context.plan !== null && context.encodesLeft === 0,
    canRedoInputs: ({ context, event }) =>
      event.type === 'taskDamaged' && context.redoRounds < maxRedoRounds &&
      tasksToRedo(context, event).length > 0,
    canRedo: ({ context }) => context.redoRounds < maxRedoRounds,
  },
})

const jobActions = jobSetup.extend({
  actions: {
    spawnTasks: jobSetup.enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'taskFinished' || event.plan === undefined) return
      for (const task of planTasks(context, event.plan)) {
        enqueue({ type: 'spawn', params: spawning(task) })
      }
    }),
    redoInputs: jobSetup.enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'taskDamaged') return
      for (const id of tasksToRedo(context, event)) enqueue({ type: 'tell', params: redo(id) })
    }),
  },
})

/** The probe's answer; it may overtake the message that the probe began. */
const takesPlan = {
  guard: { type: 'isFrom', params: { kinds: ['probe'] } },
  target: 'probing',
  actions: [
    'spawnTasks',
    { type: 'takePlan', params: ({ event }: { event: TaskFinished }) => event },
  ],
} as const

const givesUpOnDamage = {
  target: 'failed',
  actions: {
    type: 'noteFailure',
    params: ({ context, event }: { context: JobContext; event: TaskDamaged }) =>
      damageOf(event, context.redoRounds),
  },
} as const

// queued → probing → encoding → stitching → verifying → completed, or failed, or cancelled
export const jobMachine = jobActions.createMachine({
  id: 'job',
  context: ({ input }) => jobContextFrom(input),
  initial: 'queued',
  on: {
    cancel: '.cancelled',
    taskFailed: {
      target: '.failed',
      actions: { type: 'noteFailure', params: ({ event }) => failureOf(event) },
    },
  },
  states: {
    queued: {
      description: 'Waits for a worker to look at the source.',
      entry: [
        { type: 'spawn', params: ({ context }) => spawning(probeTask(context)) },
        { type: 'announce', params: announcementOf('queued') },
      ],
      on: { taskStarted: 'probing', taskFinished: takesPlan },
    },
    probing: {
      description: 'A worker reads the source and plans the chunks.',
      entry: { type: 'announce', params: announcementOf('probing') },
      on: { taskFinished: takesPlan },
      always: [
        {
          guard: 'hasNothingToDo',
          target: 'failed',
          actions: { type: 'noteFailure', params: nothingToEncode },
        },
        { guard: 'isReadyToJoin', target: 'stitching' },
        { guard: 'isPlanned', target: 'encoding' },
      ],
    },
    encoding: {
      description: 'Chunks and audio are encoded, side by side.',
      entry: { type: 'announce', params: announcementOf('encoding') },
      on: {
        taskFinished: {
          guard: { type: 'isFrom', params: { kinds: ['encode', 'audio'] } },
          actions: ['countTask', 'countEncoded'],
        },
      },
      always: { guard: 'isReadyToJoin', target: 'stitching' },
    },
    stitching: {
      description: 'The parts are joined into the final file, or the source is remuxed into it.',
      entry: [
        { type: 'tell', params: ({ context }) => inputsReady(context, makerOf(context)) },
        { type: 'announce', params: announcementOf('stitching') },
      ],
      on: {
        taskFinished: { guard: 'isFromMaker', target: 'verifying', actions: 'countTask' },
        taskDamaged: [
          {
            guard: 'canRedoInputs',
            target: 'encoding',
            actions: [
              'redoInputs',
              {
                type: 'uncountTasks',
                params: ({ context, event }) => {
                  const tasks = tasksToRedo(context, event).length
                  return { tasks, encodes: tasks }
                },
              },
            ],
          },
          givesUpOnDamage,
        ],
      },
    },
    verifying: {
      description: 'The final file is checked against the source before anybody gets it.',
      entry: [
        { type: 'tell', params: ({ context }) => inputsReady(context, 'verify') },
        { type: 'announce', params: announcementOf('verifying') },
      ],
      on: {
        taskFinished: {
          guard: { type: 'isFrom', params: { kinds: ['verify'] } },
          target: 'completed',
          actions: ['countTask', { type: 'takeOutputs', params: ({ event }) => event }],
        },
        taskDamaged: [
          {
            guard: 'canRedo',
            target: 'stitching',
            actions: { type: 'uncountTasks', params: { tasks: 1, encodes: 0 } },
          },
          givesUpOnDamage,
        ],
      },
    },
    completed: {
      description: 'The outputs are verified and kept.',
      type: 'final',
      entry: [
        { type: 'tellTasks', params: jobEnded },
        { type: 'clean', params: ({ context }) => ({ jobId: context.jobId }) },
        { type: 'announce', params: announcementOf('completed') },
      ],
    },
    failed: {
      description: 'A task was given up; `error` says why.',
      type: 'final',
      entry: [
        { type: 'tellTasks', params: jobEnded },
        { type: 'clean', params: ({ context }) => ({ jobId: context.jobId }) },
        { type: 'announce', params: announcementOf('failed') },
      ],
    },
    cancelled: {
      description: 'A person stopped it.',
      type: 'final',
      entry: [
        { type: 'tellTasks', params: jobEnded },
        { type: 'clean', params: ({ context }) => ({ jobId: context.jobId }) },
        { type: 'announce', params: announcementOf('cancelled') },
      ],
    },
  },
})
