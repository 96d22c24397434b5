/** The server that a command speaks to, and as whom. */
import { readConfig } from '../../kernel/config.ts'
import { type Client, createClient } from './client.ts'

/** Which server, and as whom. */
export interface Target {
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default the address in the environment */
  readonly server: string | undefined
  /** @default the admin's token in the environment */
  readonly token: string | undefined
}

/** The API of the server. */
export function clientOf({ env, server, token }: Target): Client {
  const config = readConfig(env)
  const address = config.publicUrl ?? `http://${config.kernelHost}:${config.kernelPort}`
  return createClient(server ?? address, token ?? config.adminToken ?? '')
}
