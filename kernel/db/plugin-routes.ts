/** The routing rules of plugins: the table `plugin_routes`. */
import { type Pillar, pillars } from '../contract/plugin.ts'
import type { PluginRoutes, PluginRule } from '../contract/plugin-route.ts'
import { json, type Reader, sql, type Writer } from './database.ts'

/** The rules of every pillar, in the order of the admin. */
export async function readPluginRoutes(db: Reader): Promise<PluginRoutes> {
  const rows = await db.query<PluginRule & { pillar: Pillar }>(sql`
    SELECT pillar, matches, gpu, plugin_id, priority
    FROM plugin_routes
    ORDER BY pillar, position`)
  const rulesOf = (pillar: Pillar) =>
    rows.filter((row) => row.pillar === pillar).map(({ pillar: _pillar, ...rule }) => rule)
  return Object.fromEntries(pillars.map((pillar) => [pillar, rulesOf(pillar)])) as PluginRoutes
}

/** Replaces the rules of one pillar. */
export async function writePluginRoutes(
  tx: Writer,
  pillar: Pillar,
  rules: readonly PluginRule[],
): Promise<void> {
  await tx.query(sql`DELETE FROM plugin_routes WHERE pillar = ${pillar}`)
  const rows = rules.map((rule, position) => ({ ...rule, position }))
  await tx.query(sql`
    INSERT INTO plugin_routes (pillar, position, matches, gpu, plugin_id, priority)
    SELECT ${pillar}, r.position, r.matches, r.gpu, r.plugin_id, r.priority
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      position int, matches text, gpu boolean, plugin_id text, priority int
    )`)
}
