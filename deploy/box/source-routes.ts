/** Which storages a source's address leads to: the rules of the admin, then what the plugins say of themselves. */
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import type { Database } from '../../kernel/db/database.ts'
import { readPluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { listNamed, route } from '../../kernel/plugin/route.ts'
import type { NamedStorage } from '../../kernel/storages.ts'

export interface SourceRoutes {
  readonly db: Database
  /** Undefined without `PLUGIN_DIR`. */
  readonly mesh: PluginMesh | undefined
  /** Where the kernel itself keeps its media. */
  readonly main: NamedStorage
}

/** Ids of those that may take it, the best first. Of http(s), none means that the kernel fetches it itself. */
export async function routeSource(
  value: string,
  { db, mesh, main }: SourceRoutes,
): Promise<readonly string[]> {
  if (/^https?:/i.test(value)) return mesh === undefined ? [] : await routeRemote(value, db, mesh)
  const plugins = await mesh?.route({ pillar: 'storage', value }) ?? []
  // After them, of a bucket, its own storage.
  return main.id === 'storage-s3' && /^s3:\/\//i.test(value) ? [...plugins, main.id] : plugins
}

/** One that a rule names and that does not serve now is answered all the same: it says why, and is not gone around. */
async function routeRemote(
  value: string,
  db: Database,
  mesh: PluginMesh,
): Promise<readonly string[]> {
  const request = { pillar: 'storage', value } as const
  const { storage: rules } = await readPluginRoutes(db)
  const serving = route(rules, request, mesh.listServing('storage'))
  return serving.length > 0 ? serving : listNamed(rules, request)
}
