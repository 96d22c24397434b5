/** Where things are inside the data folder, and the files of the build that the product reads. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folders and files below `WEBENCODE_DATA_DIR`. */
export interface DataPaths {
  readonly database: string
  readonly objects: string
  readonly users: string
  readonly signingKey: string
  /** What the command line changed, until the audit has it. */
  readonly auditNotes: string
  /** Values, and beside them the key unless a setting says where else. */
  readonly sealedSecrets: string
  readonly secretsKey: string
  readonly work: string
  /** What the plugin host keeps: notes of running processes. */
  readonly plugins: string
}

export function dataPathsOf(dataDirectory: string): DataPaths {
  return {
    database: join(dataDirectory, 'database'),
    objects: join(dataDirectory, 'objects'),
    users: join(dataDirectory, 'auth', 'users.json'),
    auditNotes: join(dataDirectory, 'auth', 'audit'),
    signingKey: join(dataDirectory, 'auth', 'signing-key'),
    sealedSecrets: join(dataDirectory, 'secrets', 'sealed.json'),
    secretsKey: join(dataDirectory, 'secrets', 'key.json'),
    work: join(dataDirectory, 'work'),
    plugins: join(dataDirectory, 'plugins'),
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The folder of built files, whether the sources run or what was built of them. */
const built = /[/\\]dist[/\\]?$/.test(root) ? root : join(root, 'dist')

/** The migrated database that a first start begins with. */
export const templatePath = join(built, 'kernel/db/template.tar.gz')
/** The plugins that come with the product: their sources, or what was built of them. */
export const pluginsDirectory = join(root, 'plugins')
/** Style sheets and scripts of the pages. */
export const assetsDirectory = join(built, 'ui/assets')
/** Address below which the server answers signed URLs of objects. */
export const objectsPath = '/v1/objects'
