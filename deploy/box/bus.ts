/** The bus of a process in a cluster. */
import type { Bus } from '../../kernel/bus/bus.ts'
import { openNatsBus } from '../../kernel/bus/nats.ts'
import type { Config } from '../../kernel/config.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

/**
 * Connects to NATS.
 * @param role - a kernel makes the streams and consumers; a worker may not
 * @throws WE-SYS-001 without an address; WE-SYS-003 when it cannot be reached
 */
export async function openClusterBus(
  { natsUrl, natsReplicas, workerId }: Config,
  role: 'kernel' | 'worker',
  log: Log,
): Promise<Bus> {
  return await openNatsBus({
    url: required('NATS_URL', natsUrl),
    name: role === 'kernel' ? 'webencode kernel' : `webencode worker ${workerId}`,
    manage: role === 'kernel',
    replicas: natsReplicas,
    // The permissions of the roles name them: deploy/nats/nats-server.conf.
    inboxPrefix: `_INBOX_${role}`,
    log,
  })
}

/** @throws WE-SYS-001 when the variable is not set */
export function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new WebEncodeError('WE-SYS-001', `${name} must be set for a process of a cluster`, {
    path: name,
    next: 'stop',
  })
}
