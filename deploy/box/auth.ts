/** Sign-in of the box: users in the data folder. */
import type { Config } from '../../kernel/config.ts'
import type { Log } from '../../kernel/log.ts'
import { type BasicAuth, createBasicAuth } from '../../plugins/auth-basic/auth.ts'
import { dataPathsOf } from './paths.ts'

/** Opens the users' file; it is made by the first user. */
export function openAuth(config: Config, log: Log): BasicAuth {
  return createBasicAuth({
    file: dataPathsOf(config.dataDirectory).users,
    now: Date.now,
    log,
    ...(config.adminToken === undefined ? {} : { adminToken: config.adminToken }),
  })
}
