/** The store of secrets: OpenBao where one is named, else sealed files in the data folder. */
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Lifecycle } from '../../kernel/lifecycle.ts'
import type { Log } from '../../kernel/log.ts'
import { createOpenBaoStore, type OpenBaoStore } from '../../kernel/plugin/secrets/openbao.ts'
import type { OpenBaoAccess } from '../../kernel/plugin/secrets/openbao-token.ts'
import { createSealedStore } from '../../kernel/plugin/secrets/sealed.ts'
import type { SecretStore } from '../../kernel/plugin/secrets/store.ts'
import { dataPathsOf } from './paths.ts'

/** What the store is started with. */
export interface SecretsSetup {
  readonly config: Config
  readonly log: Log
  readonly lifecycle: Lifecycle
}

/** Opens the store until the process stops. @throws WE-SYS-001 when the settings are not enough */
export async function startSecrets({ config, log, lifecycle }: SecretsSetup): Promise<SecretStore> {
  return await lifecycle.start(
    'secrets',
    () => openSecrets(config, log),
    (open) => open.close(),
  )
}

/** Opens the store. @throws WE-SYS-001 when OpenBao is named without anything to sign in with */
function openSecrets(config: Config, log: Log): OpenBaoStore {
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
