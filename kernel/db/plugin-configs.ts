/** What admins want of each plugin: the table `plugin_configs`. */
import type { Json } from '../contract/json.ts'
import type { Pillar } from '../contract/plugin.ts'
import { json, type Reader, sql } from './database.ts'

/** What an admin wants of a plugin. */
export interface PluginConfig {
  readonly id: string
  readonly pillar: Pillar
  readonly config: Readonly<Record<string, Json>>
  readonly isEnabled: boolean
  readonly priority: number
  /** null: the one in `PLUGIN_DIR`. */
  readonly version: string | null
  /** Grows with every change that its processes must follow. */
  readonly revision: number
  /** Grows with every change that needs new processes. */
  readonly configRevision: number
  readonly updatedBy: string
}

/** Everything that somebody wanted at least once. */
export async function listPluginConfigs(db: Reader): Promise<PluginConfig[]> {
  return await db.query<PluginConfig>(sql`
    SELECT id, plugin_type AS pillar, config_json AS config, is_enabled AS "isEnabled", priority, version, revision,
      config_revision AS "configRevision", updated_by AS "updatedBy"
    FROM plugin_configs
    ORDER BY id`)
}

/** One plugin; undefined when nobody ever wanted anything of it. */
export async function readPluginConfig(
  db: Reader,
  id: string,
): Promise<PluginConfig | undefined> {
  return (await listPluginConfigs(db)).find((config) => config.id === id)
}

/** Who changes which plugin. */
interface Change {
  readonly id: string
  readonly pillar: Pillar
  readonly by: string
}

/** Enables or disables a plugin. Enabling one that is enabled begins it anew when it was disabled by its crashes. */
export async function writePluginEnabled(
  db: Reader,
  { id, pillar, by, isEnabled }: Change & { readonly isEnabled: boolean },
): Promise<void> {
  await db.query(sql`
    INSERT INTO plugin_configs AS c (id, plugin_type, is_enabled, updated_by)
    VALUES (${id}, ${pillar}, ${isEnabled}, ${by})
    ON CONFLICT (id) DO UPDATE
    SET is_enabled = excluded.is_enabled, revision = c.revision + 1, updated_by = excluded.updated_by, updated_at = now()`)
}

/** Forgets what was wanted: a plugin that every worker has is enabled when nobody says otherwise. */
export async function deletePluginConfig(db: Reader, id: string): Promise<void> {
  await db.query(sql`DELETE FROM plugin_configs WHERE id = ${id}`)
}

/** Stores a configuration that was checked. A plugin that nobody enabled stays so. Equal ones change nothing. */
export async function writePluginConfig(
  db: Reader,
  { id, pillar, by, config, priority }: Change & {
    readonly config: Readonly<Record<string, Json>>
    readonly priority: number
  },
): Promise<void> {
  await db.query(sql`
    INSERT INTO plugin_configs AS c (id, plugin_type, config_json, is_enabled, priority, updated_by)
    VALUES (${id}, ${pillar}, ${json(config)}, false, ${priority}, ${by})
    ON CONFLICT (id) DO UPDATE
    SET config_json = excluded.config_json, priority = excluded.priority,
      revision = c.revision + CASE WHEN c.config_json = excluded.config_json THEN 0 ELSE 1 END,
      config_revision = c.config_revision + CASE WHEN c.config_json = excluded.config_json THEN 0 ELSE 1 END,
      updated_by = excluded.updated_by, updated_at = now()`)
}

/** Wants another version. */
export async function writePluginVersion(
  db: Reader,
  { id, pillar, by, version }: Change & { readonly version: string },
): Promise<void> {
  await db.query(sql`
    INSERT INTO plugin_configs AS c (id, plugin_type, is_enabled, version, updated_by)
    VALUES (${id}, ${pillar}, false, ${version}, ${by})
    ON CONFLICT (id) DO UPDATE
    SET version = excluded.version, revision = c.revision + 1, updated_by = excluded.updated_by, updated_at = now()`)
}

/**
 * Wants the old version again after an upgrade that failed in one kernel, so that all go back. Whoever wanted something else in
 * the meantime is right.
 * @returns whether it was changed
 */
export async function returnPluginVersion(
  db: Reader,
  { id, failed, version }: {
    readonly id: string
    readonly failed: string
    /** null: the one in `PLUGIN_DIR`. */
    readonly version: string | null
  },
): Promise<boolean> {
  const rows = await db.query(sql`
    UPDATE plugin_configs
    SET version = ${version}, revision = revision + 1, updated_by = 'upgrade', updated_at = now()
    WHERE id = ${id} AND version = ${failed}
    RETURNING id`)
  return rows.length > 0
}
