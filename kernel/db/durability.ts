/** How durable a change must be before it counts as made. */
import { sql, type Statement } from './database.ts'

/**
 * A condition, always true, that makes the commit of its statement not wait for the disk. For changes that cost nothing when a
 * crash of the database server takes back the last moment of them: what is hidden shows again, what is done is done again, a
 * renewed lease ends a moment sooner. A commit that waits for the disk also makes all that were made before it durable, so that
 * nothing later ever stays without what it came from.
 */
export const mayBeLost: Statement =
  sql`(SELECT set_config('synchronous_commit', 'off', true)) = 'off'`
