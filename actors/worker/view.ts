/** The row of `workers` that shows a worker actor. */
import type { Json } from '../../kernel/contract/json.ts'
import type { WorkerRow } from '../../kernel/db/actor-store.ts'
import type { WorkerContext } from './model.ts'

/** State of the machine, as its snapshot holds it. */
export type WorkerState = 'healthy' | 'draining' | 'offline'

/** The row of the worker in this state. */
export function workerRowFrom(state: WorkerState, context: WorkerContext): WorkerRow {
  return {
    id: context.workerId,
    session: context.session,
    hostname: context.hostname,
    region: context.region,
    version: context.version,
    capabilities: context.capabilities as Json,
    status: state,
  }
}
