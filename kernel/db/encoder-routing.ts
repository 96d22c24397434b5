/** What workers have to know of encoder plugins, read of the tables `plugin_routes` and `plugin_configs`. */
import type { EncoderRouting } from '../contract/encoder-routing.ts'
import { type Reader, sql } from './database.ts'

const rulesInOrder = sql`(
  SELECT coalesce(
    jsonb_agg(
      jsonb_build_object('matches', matches, 'gpu', gpu, 'plugin_id', plugin_id, 'priority', priority)
      ORDER BY position
    ),
    '[]'
  )
  FROM plugin_routes
  WHERE pillar = 'encoder'
)`

/** What decides who may do what, as one value of a statement: an `EncoderRules`. */
export const encoderRules = sql`jsonb_build_object(
  'rules', ${rulesInOrder},
  'plugins', (
    SELECT coalesce(
      jsonb_agg(jsonb_build_object('id', id, 'isEnabled', is_enabled, 'priority', priority) ORDER BY id),
      '[]'
    )
    FROM plugin_configs
    WHERE plugin_type = 'encoder'
  )
)`

/**
 * The rules in the admin's order and the wants of all encoder plugins; one statement, because every claim reads it. While a wanted
 * version tests itself in the kernels, it is the old one that workers are to use.
 */
export async function readEncoderRouting(db: Reader): Promise<EncoderRouting> {
  const [row] = await db.query<EncoderRouting>(sql`
    SELECT
      ${rulesInOrder} AS rules,
      (
        SELECT coalesce(
          jsonb_agg(
            jsonb_build_object(
              'id', c.id, 'isEnabled', c.is_enabled, 'priority', c.priority, 'config', c.config_json,
              'version', CASE WHEN c.version IS NOT NULL THEN coalesce(served.version, c.version) END
            )
            ORDER BY c.id
          ),
          '[]'
        )
        FROM plugin_configs c
        LEFT JOIN LATERAL (
          SELECT i.version
          FROM plugin_instances i
          WHERE i.plugin_id = c.id
          ORDER BY i.version = c.version DESC
          LIMIT 1
        ) served ON true
        WHERE c.plugin_type = 'encoder'
      ) AS plugins`)
  if (row === undefined) throw new RangeError('A query of two aggregates answered no row')
  return row
}
