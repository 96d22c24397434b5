/** What workers have to know of encoder plugins, read of the tables `plugin_routes` and `plugin_configs`. */
import type { EncoderRouting } from '../contract/encoder-routing.ts'
import { type Reader, sql } from './database.ts'

/** The rules in the admin's order and the wants of all encoder plugins; one statement, because every claim reads it. */
export async function readEncoderRouting(db: Reader): Promise<EncoderRouting> {
  const [row] = await db.query<EncoderRouting>(sql`
    SELECT
      (
        SELECT coalesce(
          jsonb_agg(
            jsonb_build_object('matches', matches, 'gpu', gpu, 'plugin_id', plugin_id, 'priority', priority)
            ORDER BY position
          ),
          '[]'
        )
        FROM plugin_routes
        WHERE pillar = 'encoder'
      ) AS rules,
      (
        SELECT coalesce(
          jsonb_agg(
            jsonb_build_object(
              'id', id, 'isEnabled', is_enabled, 'priority', priority, 'version', version, 'config', config_json
            )
            ORDER BY id
          ),
          '[]'
        )
        FROM plugin_configs
        WHERE plugin_type = 'encoder'
      ) AS plugins`)
  if (row === undefined) throw new RangeError('A query of two aggregates answered no row')
  return row
}
