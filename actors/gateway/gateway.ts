/** The gateway: turns commands of people and programs into actors and events, and answers with views. */
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import { readTask } from '../../kernel/db/tasks.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller, Gateway } from '../../kernel/gateway.ts'
import { createJobId } from '../../kernel/ids.ts'
import type { PluginCommands } from '../../kernel/plugin-desk.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import type { JobContext } from '../job/model.ts'
import { createDeletion, type DeletionOptions } from './deletion.ts'
import { createJobCreation, type CreationOptions, mustReadJob } from './creation.ts'
import { repeatedInput } from './submission.ts'
import { createPluginDirectory } from './plugin-directory.ts'
import { createPluginCommands } from './plugins.ts'
import { createWorkerCommands } from './workers.ts'

export interface GatewayOptions extends CreationOptions, DeletionOptions {
  readonly engine: Pick<Engine, 'create' | 'send'>
  readonly store: Pick<ActorStore, 'readActor'>
  /** @default there are no plugins */
  readonly plugins?: PluginCommands
}

export function createGateway(options: GatewayOptions): Gateway {
  const { engine, db, store, sources, log } = options
  const creation = createJobCreation(options)
  const deleteEndedJob = createDeletion(options)

  /** Ends the job if it has not ended. @returns false when it had */
  async function cancel(jobId: string, caller: Caller): Promise<boolean> {
    const { status } = await engine.send(jobId, eventJson({ type: 'cancel', by: caller.username }))
    return status === 'applied'
  }

  return {
    ...createWorkerCommands({ engine, db, log }),
    ...options.plugins ?? withoutPlugins(options),

    submitJob: (request, caller, key) => creation.submit(request, caller, key),

    async cancelJob(jobId, caller) {
      const done = await cancel(jobId, caller)
      const job = await mustReadJob(db, jobId)
      if (done) return job
      const problem =
        `Cannot cancel job "${jobId}": it must be queued or running, and it is ${job.status}`
      throw new WebEncodeError(job.status === 'cancelled' ? 'WE-JOB-005' : 'WE-JOB-006', problem)
    },

    async retryJob(jobId, caller) {
      await mustReadJob(db, jobId)
      const actor = await store.readActor(jobId)
      if (actor === undefined) throw new WebEncodeError('WE-JOB-004', `There is no job "${jobId}"`)
      const { context } = actor.snapshot as unknown as { readonly context: JobContext }
      // Before the old job is stopped, so that a source that is gone leaves it alone.
      await sources.checkSource(context.sourceUrl)
      await cancel(jobId, caller)
      return await creation.create(repeatedInput(context, createJobId(), caller))
    },

    async deleteJob(jobId, caller) {
      await mustReadJob(db, jobId)
      await cancel(jobId, caller)
      await deleteEndedJob(jobId)
    },

    async requeueTask(taskId, caller) {
      const { status } = await engine.send(taskId, eventJson({ type: 'requeue' }))
      if (status === 'applied') {
        log.info('task requeued', { task_id: taskId, correlation_id: caller.correlationId })
        return
      }
      const task = await readTask(db, taskId)
      if (task === undefined) throw new WebEncodeError('WE-JOB-004', `There is no task "${taskId}"`)
      // A ready task is where the command would bring it.
      if (task.status === 'ready') return
      const found = task.status === 'waiting' ? 'waiting for other tasks' : task.status
      const problem =
        `Cannot requeue task "${taskId}": it must be running, or waiting for another attempt, and it is ${found}`
      throw new WebEncodeError('WE-JOB-006', problem)
    },
  }
}

/** Every plugin is one that there is not. */
function withoutPlugins(options: GatewayOptions): PluginCommands {
  const logs = { add() {}, read: () => [] }
  const directory = createPluginDirectory({
    ...options,
    folders: undefined,
    logs,
    kernelId: '',
    isServing: () => false,
    readBuiltIn: () => Promise.resolve([]),
  })
  return createPluginCommands({ ...options, directory, running: undefined })
}
