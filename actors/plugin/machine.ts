/** The plugin machine: which processes of a plugin there should be in one kernel, and how the plugin is. */
import { and, assign, setup } from 'xstate'
import { effectActions } from '../engine/effects.ts'
import { announce } from './announcement.ts'
import {
  backoffFactor,
  type CallHealth,
  mostRestarts,
  type PluginContext,
  pluginContextFrom,
  type PluginEvent,
  type PluginInput,
} from './model.ts'

export const pluginMachineVersion = 1

const pluginSetup = setup({
  types: {
    context: {} as PluginContext,
    events: {} as PluginEvent,
    input: {} as PluginInput,
  },
  actions: {
    ...effectActions,
    takeWant: assign(({ event }) =>
      event.type === 'want'
        ? {
          revision: event.revision,
          configRevision: event.configRevision,
          wantedVersion: event.version,
        }
        : {}
    ),
    /** Nothing of it runs: there is no old version to protect. */
    takeVersion: assign(({ event }) => event.type === 'want' ? { version: event.version } : {}),
    beginRun: assign(({ context }) => ({ run: context.lastRun + 1, lastRun: context.lastRun + 1 })),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    forgive: assign({ restarts: 0 }),
    noteStarted: assign(({ event }) =>
      event.type === 'started' ? { version: event.version, problem: null } : {}
    ),
    noteProblem: assign(({ event }) => 'problem' in event ? { problem: event.problem } : {}),
    disabledByAdmin: assign({ disabledBy: 'admin', problem: null }),
    disabledByCrashes: assign({ disabledBy: 'crashes' }),
    disabledByBlock: assign({ disabledBy: 'blocked' }),
    clearDisabled: assign({
      disabledBy: null,
      problem: null,
      restarts: 0,
      upgrade: null,
      previousVersion: null,
    }),
    dropSpares: assign({ shadowRun: null, standbyRun: null }),
    beginShadow: assign(({ context }) => ({
      shadowRun: context.lastRun + 1,
      lastRun: context.lastRun + 1,
      previousVersion: null,
      standbyRun: null,
      upgrade: null,
    })),
    dropShadow: assign({ shadowRun: null }),
    switchOver: assign(({ context }) => ({
      run: context.shadowRun ?? context.run,
      version: context.wantedVersion,
      shadowRun: null,
      previousVersion: context.version,
      standbyRun: context.run,
    })),
    refuse: assign(({ context, event }) => ({
      upgrade: {
        outcome: 'refused' as const,
        version: context.wantedVersion,
        problem: problemIn(event),
      },
      wantedVersion: context.version,
    })),
    keep: assign(({ context }) => ({
      upgrade: { outcome: 'kept' as const, version: context.version, problem: null },
      previousVersion: null,
      standbyRun: null,
    })),
    rollBack: assign(({ context, event }) => {
      const version = context.previousVersion ?? context.version
      return {
        upgrade: {
          outcome: 'rolled-back' as const,
          version: context.version,
          problem: problemIn(event),
        },
        version,
        wantedVersion: version,
        previousVersion: null,
        run: context.standbyRun ?? context.run,
        standbyRun: null,
        problem: null,
      }
    }),
    dropStandby: assign({ standbyRun: null }),
  },
  guards: {
    isUnwanted: ({ event }) => event.type === 'want' && !event.isEnabled,
    isReconfigured: ({ context, event }) =>
      event.type === 'want' && event.configRevision !== context.configRevision,
    isUpgrade: ({ context, event }) =>
      event.type === 'want' && event.isEnabled && event.configRevision === context.configRevision &&
      event.version !== context.wantedVersion && event.version !== context.previousVersion,
    /** The admin wants the old version back while the new one is watched. */
    isReturn: ({ context, event }) =>
      event.type === 'want' && event.version === context.previousVersion,
    isNews: ({ context, event }) => event.type === 'want' && event.revision !== context.revision,
    isCurrent: ({ context, event }) => 'run' in event && event.run === context.run,
    isShadow: ({ context, event }) => 'run' in event && event.run === context.shadowRun,
    isStandby: ({ context, event }) => 'run' in event && event.run === context.standbyRun,
    isWatched: ({ context }) => context.previousVersion !== null,
    hasStandby: ({ context }) => context.previousVersion !== null && context.standbyRun !== null,
    /** A version under watch whose calls fail has to go. */
    isWrong: ({ context, event }) => isWrong(context, event),
    isJudged: ({ context, event }, { health }: { health: CallHealth }) =>
      event.type === 'judged' && event.run === context.run && event.health === health &&
      !isWrong(context, event),
    hasUpgrade: ({ context }) => context.wantedVersion !== context.version,
    isExhausted: ({ context }) => context.restarts >= mostRestarts,
    wasBlocked: ({ context }) => context.disabledBy === 'blocked',
  },
  delays: {
    backoff: ({ context }) => context.timing.backoffMs * backoffFactor ** context.restarts,
    forgiving: ({ context }) => context.timing.forgiveMs,
    failing: ({ context }) => context.timing.failingMs,
    watch: ({ context }) => context.timing.watchMs,
  },
})

function isWrong(context: PluginContext, event: PluginEvent): boolean {
  return event.type === 'judged' && event.run === context.run && event.isErroneous &&
    context.previousVersion !== null
}

function problemIn(event: PluginEvent): string | null {
  return 'problem' in event ? event.problem : null
}

const blocked = {
  target: '#plugin.disabled',
  actions: ['noteProblem', 'disabledByBlock'],
} as const
const unwanted = {
  guard: 'isUnwanted',
  target: '#plugin.disabled',
  actions: ['takeWant', 'disabledByAdmin'],
} as const

const refused = { target: 'none', actions: ['refuse', announce('plugin.refused')] } as const

/** While nothing of it serves, a change of what is wanted begins anew, without what it did before. */
const wantedAnew = {
  guard: 'isNews',
  target: '#plugin.starting',
  reenter: true,
  actions: ['takeWant', 'takeVersion', 'clearDisabled'],
} as const

/** A new version that does not come up again while it is watched. */
const backToPrevious = {
  guard: and(['isCurrent', 'isWatched']),
  target: '#plugin.starting',
  reenter: true,
  actions: ['rollBack', announce('plugin.rolled_back')],
} as const

const judgedAs = (health: CallHealth) => ({ type: 'isJudged', params: { health } } as const)
const toHealthy = {
  guard: judgedAs('healthy'),
  target: 'healthy',
  actions: ['noteProblem', announce('plugin.recovered')],
} as const
const toDegraded = {
  guard: judgedAs('degraded'),
  target: 'degraded',
  actions: 'noteProblem',
} as const
const toFailing = { guard: judgedAs('failing'), target: 'failing', actions: 'noteProblem' } as const

/** A process on its way up. */
const comingUp = {
  started: { guard: 'isCurrent', target: 'serving', actions: 'noteStarted' },
  crashed: [
    backToPrevious,
    { guard: 'isCurrent', target: 'failed', actions: 'noteProblem' },
  ],
  // The same run may have ended with the kernel, or never have begun.
  lost: { guard: 'isCurrent', target: 'starting', reenter: true },
  want: [unwanted, wantedAnew],
  restart: { target: 'starting', reenter: true },
  blocked,
} as const

// starting → serving (healthy ⇄ degraded) ⇄ starting; failed → restarting → serving, or disabled after five
export const pluginMachine = pluginSetup.createMachine({
  id: 'plugin',
  context: ({ input }) => pluginContextFrom(input),
  initial: 'starting',
  states: {
    starting: {
      description: 'Its process is being started because somebody wants it.',
      entry: ['beginRun', announce('plugin.starting')],
      on: comingUp,
    },
    serving: {
      description: 'Its process shook hands and is called.',
      entry: announce('plugin.started'),
      exit: 'dropSpares',
      type: 'parallel',
      after: { forgiving: { actions: 'forgive' } },
      on: {
        want: [
          unwanted,
          { guard: 'isReconfigured', target: 'starting', actions: 'takeWant' },
          {
            guard: 'isReturn',
            target: ['.health.healthy', '.upgrade.none'],
            actions: ['rollBack', 'takeWant', announce('plugin.rolled_back')],
          },
          { guard: 'isNews', actions: 'takeWant' },
        ],
        restart: 'starting',
        lost: { guard: 'isCurrent', target: 'starting' },
        blocked,
        crashed: [
          {
            guard: and(['isCurrent', 'hasStandby']),
            target: ['.health.healthy', '.upgrade.none'],
            actions: ['rollBack', announce('plugin.rolled_back')],
          },
          backToPrevious,
          { guard: 'isCurrent', target: 'failed', actions: 'noteProblem' },
          { guard: 'isStandby', actions: 'dropStandby' },
        ],
        judged: [
          {
            guard: and(['isWrong', 'hasStandby']),
            target: ['.health.healthy', '.upgrade.none'],
            actions: ['rollBack', announce('plugin.rolled_back')],
          },
          { ...backToPrevious, guard: 'isWrong' },
        ],
      },
      states: {
        health: {
          description: 'How its calls go.',
          initial: 'healthy',
          states: {
            healthy: {
              description: 'Calls are answered, and in time.',
              on: { judged: [toDegraded, toFailing] },
            },
            degraded: {
              description: 'Calls take more than a second, or one in twenty fails.',
              entry: announce('plugin.degraded'),
              on: { judged: [toHealthy, toFailing] },
            },
            failing: {
              description: 'More than one call in ten fails; it may do so for two minutes.',
              entry: announce('plugin.degraded'),
              on: { judged: [toHealthy, toDegraded] },
              after: { failing: '#plugin.failed' },
            },
          },
        },
        upgrade: {
          description: 'Whether another version is about to take over.',
          initial: 'deciding',
          on: { want: { guard: 'isUpgrade', target: '.deciding', actions: 'takeWant' } },
          states: {
            deciding: {
              description: 'Compares what serves with what is wanted; left at once.',
              always: [
                { guard: 'hasUpgrade', target: 'testing' },
                { guard: 'isWatched', target: 'watching' },
                { target: 'none' },
              ],
            },
            none: { description: 'The wanted version serves.', entry: 'dropShadow' },
            testing: {
              description: 'The wanted version runs in the shadow and tests itself.',
              entry: ['beginShadow', announce('plugin.testing')],
              on: {
                started: {
                  guard: 'isShadow',
                  target: ['#plugin.serving.health.healthy', 'watching'],
                  actions: 'switchOver',
                },
                crashed: { guard: 'isShadow', ...refused },
                blocked: refused,
              },
            },
            watching: {
              description: 'The new version serves; the old one waits to take over again.',
              entry: announce('plugin.upgraded'),
              after: {
                watch: { target: 'none', actions: ['keep', announce('plugin.kept')] },
              },
            },
          },
        },
      },
    },
    failed: {
      description:
        'Its process ended, did not start, or failed too long; it waits for its restart.',
      entry: announce('plugin.failed'),
      always: { guard: 'isExhausted', target: 'disabled', actions: 'disabledByCrashes' },
      after: { backoff: 'restarting' },
      on: {
        want: [unwanted, wantedAnew],
        restart: { target: 'starting', actions: 'forgive' },
        blocked,
      },
    },
    restarting: {
      description: 'Its process is being started again by itself.',
      entry: ['countRestart', 'beginRun', announce('plugin.restarting')],
      on: comingUp,
    },
    disabled: {
      description: 'Nothing of it runs until somebody wants it again.',
      entry: announce('plugin.disabled'),
      on: {
        want: [
          { guard: 'isUnwanted', actions: ['takeWant', 'disabledByAdmin'] },
          wantedAnew,
        ],
        unblocked: { guard: 'wasBlocked', target: 'starting', actions: 'clearDisabled' },
        blocked: { guard: 'wasBlocked', actions: 'noteProblem' },
      },
    },
  },
})
