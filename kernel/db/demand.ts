/** How much work there is for which workers: what an autoscaler reads. Hedges are left out: they only fill slots that are free. */
import type { Lane } from '../contract/task.ts'
import { type Reader, sql } from './database.ts'

/** The work of one lane in one region. */
export interface LaneDemand {
  readonly lane: Lane
  readonly region: string
  readonly ready_tasks: number
  readonly running_tasks: number
  /** How long the first of the ready tasks has waited; 0 without one. */
  readonly oldest_wait_seconds: number
  /** Slots that could be busy now. */
  readonly wanted_slots: number
}

/** Lanes and regions that have work, by name. */
export async function listDemand(db: Reader): Promise<LaneDemand[]> {
  return await db.query<LaneDemand>(sql`
    SELECT lane, region,
      count(*) FILTER (WHERE status = 'ready')::int AS ready_tasks,
      count(*) FILTER (WHERE status = 'running')::int AS running_tasks,
      coalesce(extract(epoch FROM now() - min(ready_at) FILTER (WHERE status = 'ready')), 0)::float8
        AS oldest_wait_seconds,
      count(*)::int AS wanted_slots
    FROM (
      SELECT lane, region, status, ready_at FROM tasks WHERE status = 'ready' AND hedge_of IS NULL
      UNION ALL
      SELECT lane, region, status, ready_at FROM tasks WHERE status = 'running' AND hedge_of IS NULL
    ) AS work -- two parts, so that each reads its own index
    GROUP BY lane, region
    ORDER BY lane, region`)
}
