/** The kinds of actors that the product runs, ready for the engine's registry. */
import type { Json } from '../kernel/contract/json.ts'
import { type ActorDefinition, defineActor } from './engine/definition.ts'
import { eventJson } from './events.ts'
import { hedgeMachine, hedgeMachineVersion } from './hedge/machine.ts'
import {
  lostHedgeEvents,
  sampleHedge,
  withdrawnHedgeEvents,
  wonHedgeEvents,
} from './hedge/sample.ts'
import { hedgeRowFrom } from './hedge/view.ts'
import { jobMachine, jobMachineVersion } from './job/machine.ts'
import { sampleJob, sampleJobEvents } from './job/sample.ts'
import { jobRowFrom } from './job/view.ts'
import { pluginMachine, pluginMachineVersion } from './plugin/machine.ts'
import type { PluginMachineState } from './plugin/model.ts'
import { samplePlugin, samplePluginEvents } from './plugin/sample.ts'
import { pluginRowFrom } from './plugin/view.ts'
import { taskMachine, taskMachineVersion } from './task/machine.ts'
import { hedgedTaskEvents, sampleTask, sampleTaskEvents } from './task/sample.ts'
import { taskRowFrom, type TaskState } from './task/view.ts'
import { migrateWorker } from './worker/migrate.ts'
import { workerMachine, workerMachineVersion } from './worker/machine.ts'
import { sampleWorker, sampleWorkerEvents } from './worker/sample.ts'
import { workerRowFrom } from './worker/view.ts'

/** Every registered version of every machine. */
export const actorDefinitions: readonly ActorDefinition[] = [
  defineActor({
    type: 'job',
    version: jobMachineVersion,
    machine: jobMachine,
    view: ({ id, value, context }) => ({ jobs: [jobRowFrom(id, value, context)] }),
    samples: [{ input: sampleJob as Json, events: sampleJobEvents.map(eventJson) }],
  }),
  defineActor({
    type: 'task',
    version: taskMachineVersion,
    machine: taskMachine,
    // `created` is left before anybody sees it.
    view: ({ id, value, context }) => ({ tasks: [taskRowFrom(id, value as TaskState, context)] }),
    samples: [sampleTaskEvents, hedgedTaskEvents].map((events) => {
      return { input: sampleTask as Json, events: events.map(eventJson) }
    }),
  }),
  defineActor({
    type: 'hedge',
    version: hedgeMachineVersion,
    machine: hedgeMachine,
    view: ({ id, value, context }) => ({ tasks: [hedgeRowFrom(id, value, context)] }),
    samples: [wonHedgeEvents, lostHedgeEvents, withdrawnHedgeEvents].map((events) => {
      return { input: sampleHedge as Json, events: events.map(eventJson) }
    }),
  }),
  defineActor({
    type: 'worker',
    version: workerMachineVersion,
    machine: workerMachine,
    migrate: migrateWorker,
    view: ({ value, context }) => ({ workers: [workerRowFrom(value, context)] }),
    samples: [{ input: sampleWorker as Json, events: sampleWorkerEvents.map(eventJson) }],
  }),
  defineActor({
    type: 'plugin',
    version: pluginMachineVersion,
    machine: pluginMachine,
    // The machine's own type of its value leaves out that parallel states come together.
    view: ({ id, value, context }) => ({
      plugins: [pluginRowFrom(id, value as PluginMachineState, context)],
    }),
    samples: [{
      input: samplePlugin as unknown as Json,
      events: samplePluginEvents.map(eventJson),
    }],
  }),
]
