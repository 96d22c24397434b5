/** The row of `workers` that shows a worker actor. */
import type { Json } from '../../kernel/contract/json.ts'
import type { WorkerRow } from '../../kernel/db/actor-store.ts'
import { commandOf, type WorkerContext, type WorkerState } from './model.ts'

/** The row of the worker in this state. */
export function workerRowFrom(state: WorkerState, context: WorkerContext): WorkerRow {
  return {
    id: context.workerId,
    session: context.session,
    hostname: context.hostname,
    region: context.region,
    version: context.version,
    capabilities: context.capabilities as Json,
    status: state === 'restarting' || state === 'leaving' ? 'draining' : state,
    command: commandOf(state, context.isDrained),
  }
}
