/** Receives the archive of a new version of a plugin. */
import type { Context } from 'hono'
import type { PluginView } from '../contract/plugin-view.ts'
import type { Gateway } from '../gateway.ts'
import { currentIdentity } from './auth.ts'
import { checkCsrfToken } from './csrf.ts'
import type { AppEnv } from './deps.ts'
import { receiveFile } from './upload.ts'

/** Largest archive: a plugin is a program, not a film. */
const maxArchiveBytes = 256 * 2 ** 20

/**
 * Streams the file of a request to the gateway. A form of a browser without scripts has its field `_csrf` before the file.
 * @throws WE-JOB-001 without a file, WE-SYS-006 above the limit, WE-AUTH-003, and what {@link Gateway} throws
 */
export async function receivePluginArchive(
  c: Context<AppEnv>,
  gateway: Pick<Gateway, 'upgradePlugin'>,
  pluginId: string,
  maxUploadBytes: number,
): Promise<PluginView> {
  const identity = currentIdentity(c)
  const limits = { maxBytes: Math.min(maxArchiveBytes, maxUploadBytes), bareName: 'archive' }
  return await receiveFile(c.req.raw, limits, async ({ fields, chunks }) => {
    if (c.get('isCsrfOpen')) checkCsrfToken(identity, fields.get('_csrf'))
    return await gateway.upgradePlugin(pluginId, chunks, identity.caller)
  })
}
