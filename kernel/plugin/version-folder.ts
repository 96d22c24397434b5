/** Where the uploaded versions of plugins are: beside the folders of `PLUGIN_DIR`. */
import { join } from 'node:path'

/** The folder of one version; like every plugin's it bears the id as its name. */
export function versionFolder(directory: string, pluginId: string, version: string): string {
  return join(directory, '.versions', `${pluginId}@${version}`, pluginId)
}
