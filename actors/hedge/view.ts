/** The row of `tasks` that shows a hedge, so that it is claimed, leased and missed like any task. */
import type { TaskRow } from '../../kernel/db/actor-store.ts'
import { workRowFrom } from '../task/work.ts'
import type { HedgeContext } from './model.ts'

/** State of the machine, as its snapshot holds it. */
export type HedgeState = 'ready' | 'running' | 'won' | 'lost' | 'withdrawn'

const statuses: Readonly<Record<HedgeState, TaskRow['status']>> = {
  ready: 'ready',
  running: 'running',
  won: 'completed',
  lost: 'failed',
  withdrawn: 'cancelled',
}

/** The row of the hedge with this id in this state. Its kind and weight keep it from being counted as a chunk. */
export function hedgeRowFrom(id: string, state: HedgeState, context: HedgeContext): TaskRow {
  const status = statuses[state]
  const facts = {
    kind: 'hedge',
    weight: 0,
    status,
    maxAttempts: 1,
    hedgeOf: context.taskId,
  } as const
  return workRowFrom(id, context, facts)
}
