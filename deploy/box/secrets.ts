/** The store of secrets: OpenBao where one is named, else sealed files in the data folder. */
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { createOpenBaoStore, type OpenBaoStore } from '../../kernel/plugin/secrets/openbao.ts'
import type { OpenBaoAccess } from '../../kernel/plugin/secrets/openbao-token.ts'
import { createSealedStore } from '../../kernel/plugin/secrets/sealed.ts'
import { dataPathsOf } from './paths.ts'

/** Opens the store. @throws WE-SYS-001 when OpenBao is named and nothing to show it is */
export function openSecrets(config: Config, log: Log): OpenBaoStore {
  if (config.openbaoAddress !== undefined) {
    const access = accessFrom(config)
    return createOpenBaoStore({ address: config.openbaoAddress, access, clock: systemClock, log })
  }
  const { sealedSecrets, secretsKey } = dataPathsOf(config.dataDirectory)
  const keyFile = config.secretsKeyFile ?? secretsKey
  const store = createSealedStore({ file: sealedSecrets, keyFile, clock: systemClock })
  return { ...store, close() {} }
}

function accessFrom(config: Config): OpenBaoAccess {
  const { openbaoToken: token, openbaoRoleId: roleId, openbaoSecretId: secretId } = config
  if (token !== undefined) return { token }
  if (roleId !== undefined && secretId !== undefined) return { roleId, secretId }
  throw new WebEncodeError(
    'WE-SYS-001',
    'OPENBAO_ADDR needs OPENBAO_TOKEN, or OPENBAO_ROLE_ID and OPENBAO_SECRET_ID, and they are not set',
    { path: 'OPENBAO_TOKEN', next: 'stop' },
  )
}
