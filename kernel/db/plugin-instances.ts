/** The `plugin_instances` read model: each plugin in each kernel, as its actor shows it and its kernel measured it. */
import type { PluginState, PluginStats } from '../contract/plugin.ts'
import type { PluginProcess, PluginRow } from './actor-store.ts'
import { type Database, json, nothing, type Reader, sql, type Statement } from './database.ts'
import { mayBeLost } from './durability.ts'

/** How an upgrade goes, and how the last one ended. */
export interface PluginUpgrade {
  readonly phase: 'none' | 'testing' | 'watching'
  readonly end: {
    readonly outcome: 'kept' | 'refused' | 'rolled-back'
    readonly version: string
    readonly problem: string | null
  } | null
}

/** A plugin in one kernel. */
export interface PluginInstanceRecord {
  readonly actorId: string
  readonly pluginId: string
  readonly kernelId: string
  readonly state: PluginState
  readonly version: string
  readonly revision: number
  readonly run: number
  readonly restarts: number
  readonly problem: string | null
  readonly disabledBy: 'admin' | 'crashes' | 'blocked' | null
  readonly upgrade: PluginUpgrade
  readonly processes: readonly PluginProcess[]
  readonly stateSince: Date
  /** When the run that serves began to; null when none does. */
  readonly startedAt: Date | null
  readonly stats: PluginStats | null
  /** Its kernel looked after it within the last half minute. */
  readonly isFresh: boolean
}

/** All plugins in all kernels, or in one. A kernel of an older version measured nothing by method. */
export async function listPluginInstances(
  db: Reader,
  filter: { readonly kernelId?: string; readonly pluginId?: string } = {},
): Promise<PluginInstanceRecord[]> {
  return await db.query<PluginInstanceRecord>(sql`
    SELECT actor_id AS "actorId", plugin_id AS "pluginId", kernel_id AS "kernelId", state, version, revision, run,
      restarts, problem, disabled_by AS "disabledBy", upgrade, processes, state_since AS "stateSince",
      started_at AS "startedAt", '{"methods": []}'::jsonb || stats AS stats, seen_at > now() - interval '30 seconds' AS "isFresh"
    FROM plugin_instances
    WHERE true ${filter.kernelId === undefined ? nothing : sql`AND kernel_id = ${filter.kernelId}`}
      ${filter.pluginId === undefined ? nothing : sql`AND plugin_id = ${filter.pluginId}`}
    ORDER BY plugin_id, kernel_id`)
}

/** Says that a kernel looks after its plugins, and what it measured of those that serve. */
export async function touchPluginInstances(
  db: Database,
  kernelId: string,
  measured: readonly { readonly pluginId: string; readonly stats: PluginStats }[],
): Promise<void> {
  await db.query(sql`
    UPDATE plugin_instances p
    SET seen_at = now(), stats = coalesce(m.stats, p.stats)
    FROM plugin_instances o
      LEFT JOIN jsonb_to_recordset(${json(measured)})
        AS m("pluginId" text, stats jsonb) ON m."pluginId" = o.plugin_id
    WHERE p.actor_id = o.actor_id AND o.kernel_id = ${kernelId} AND ${mayBeLost}`)
}

/**
 * Deletes what is left of kernels that looked after no plugin for a day: rows, actors and what these heard.
 * One that comes back makes them anew.
 * @returns how many
 */
export async function deleteForsakenPlugins(db: Database): Promise<number> {
  return await db.transaction(async (tx) => {
    const found = await tx.query<{ id: string }>(sql`
      SELECT a.id
      FROM actors a JOIN plugin_instances p ON p.actor_id = a.id
      WHERE p.seen_at < now() - interval '1 day'
      ORDER BY a.id
      FOR UPDATE OF a`)
    const ids = found.map(({ id }) => id)
    if (ids.length === 0) return 0
    await tx.query(sql`
      WITH gone_log AS (DELETE FROM event_log WHERE actor_id = ANY(${ids}::text[])),
        gone_timers AS (DELETE FROM timers WHERE actor_id = ANY(${ids}::text[])),
        gone_inbox AS (DELETE FROM inbox WHERE actor_id = ANY(${ids}::text[])),
        gone_letters AS (DELETE FROM dead_letters WHERE actor_id = ANY(${ids}::text[])),
        gone_actors AS (DELETE FROM actors WHERE id = ANY(${ids}::text[]))
      DELETE FROM plugin_instances WHERE actor_id = ANY(${ids}::text[])`)
    return ids.length
  })
}

/** Writes the rows that plugin actors show. Another run starts the uptime anew, and what was measured is forgotten. */
export function upsertPlugins(rows: readonly PluginRow[]): Statement {
  return sql`
    INSERT INTO plugin_instances AS p (actor_id, plugin_id, kernel_id, pillar, state, version, revision, run, restarts,
      problem, disabled_by, upgrade, processes, started_at)
    SELECT r."actorId", r."pluginId", r."kernelId", r.pillar, r.state, r.version, r.revision, r.run, r.restarts, r.problem,
      r."disabledBy", r.upgrade, r.processes, CASE WHEN r.state IN ('healthy', 'degraded') THEN now() END
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      "actorId" text, "pluginId" text, "kernelId" text, pillar text, state text, version text, revision int, run int,
      restarts int, problem text, "disabledBy" text, upgrade jsonb, processes jsonb
    )
    ORDER BY r."actorId"
    ON CONFLICT (actor_id) DO UPDATE
    SET state = excluded.state, version = excluded.version, revision = excluded.revision, run = excluded.run,
      restarts = excluded.restarts, problem = excluded.problem, disabled_by = excluded.disabled_by,
      upgrade = excluded.upgrade, processes = excluded.processes,
      state_since = CASE WHEN p.state = excluded.state THEN p.state_since ELSE now() END,
      started_at = CASE WHEN excluded.started_at IS NULL THEN NULL
        WHEN p.run = excluded.run THEN coalesce(p.started_at, excluded.started_at) ELSE excluded.started_at END,
      stats = CASE WHEN p.run = excluded.run THEN p.stats END, seen_at = now()`
}
