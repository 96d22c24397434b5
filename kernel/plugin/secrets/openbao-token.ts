/** The token that OpenBao is asked with: fixed or got by AppRole, and renewed before it ends. */
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { messageOf, WebEncodeError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { errorsOf, type OpenBaoAnswer, type OpenBaoClient, unavailable } from './openbao-client.ts'

/** How the kernel shows who it is. */
export type OpenBaoAccess =
  | { readonly token: string }
  | { readonly roleId: string; readonly secretId: string }

export interface OpenBaoTokenOptions {
  readonly client: OpenBaoClient
  readonly access: OpenBaoAccess
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly log: Log
}

/** A token that stays valid as long as somebody holds this. */
export interface OpenBaoToken {
  /** The token of now; signs in first where there is none. @throws WE-SYS-004 when the server lets nobody in */
  current(): Promise<string>
  /** The server refused this token. @returns true when another may be had */
  forget(token: string): boolean
  close(): void
}

/** Part of a token's life after which it is renewed. */
const renewAfter = 2 / 3
/** Between two attempts at a renewal that failed. */
const renewAgainMs = 10_000

const loginSchema = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number(),
    renewable: z.boolean(),
  }),
})
const lookupSchema = z.object({ data: z.object({ ttl: z.number(), renewable: z.boolean() }) })

interface Lease {
  readonly token: string
  /** Seconds; 0: does not end. */
  readonly seconds: number
  readonly isRenewable: boolean
}

/** Creates the token; the server is asked when it is needed. */
export function createOpenBaoToken(options: OpenBaoTokenOptions): OpenBaoToken {
  const { client, access, clock, log } = options
  let lease: Promise<Lease> | undefined
  let cancelRenewal = () => {}
  let isClosed = false

  const plan = (held: Lease, delayMs: number) => {
    cancelRenewal()
    if (isClosed || held.seconds <= 0) return
    cancelRenewal = clock.after(delayMs, () => void renew(held))
  }

  /** A token that cannot be renewed is replaced by signing in again; a fixed one ends, and the log says so before. */
  const renew = async (held: Lease): Promise<void> => {
    try {
      const next = held.isRenewable ? await renewed(client, held) : undefined
      if (next !== undefined) return hold(next)
      lease = undefined
      if (!('token' in access)) await current()
      else {log.warn('the token of OpenBao ends and cannot be renewed', {
          seconds_left: held.seconds / 3,
        })}
    } catch (failure) {
      log.warn(`the token of OpenBao could not be renewed: ${messageOf(failure)}`, { failure })
      plan(held, renewAgainMs)
    }
  }

  const hold = (held: Lease): void => {
    lease = Promise.resolve(held)
    plan(held, held.seconds * 1000 * renewAfter)
  }

  const current = async (): Promise<string> => {
    lease ??= open(client, access).then((held) => {
      plan(held, held.seconds * 1000 * renewAfter)
      return held
    })
    const asked = lease
    try {
      return (await asked).token
    } catch (failure) {
      if (lease === asked) lease = undefined
      throw failure
    }
  }

  return {
    current,
    forget() {
      lease = undefined
      return !('token' in access)
    },
    close() {
      isClosed = true
      cancelRenewal()
    },
  }
}

/** The first token. @throws WE-SYS-004 */
async function open(client: OpenBaoClient, access: OpenBaoAccess): Promise<Lease> {
  if ('token' in access) return await looked(client, access.token)
  const answer = await client.ask({
    method: 'POST',
    path: 'auth/approle/login',
    body: { role_id: access.roleId, secret_id: access.secretId },
  })
  const login = loginSchema.safeParse(answer.body)
  if (!login.success) throw refused('sign in with its AppRole', answer)
  return leaseFrom(login.data.auth)
}

/** How long a fixed token lasts. */
async function looked(client: OpenBaoClient, token: string): Promise<Lease> {
  const answer = await client.ask({ method: 'GET', path: 'auth/token/lookup-self', token })
  const lookup = lookupSchema.safeParse(answer.body)
  if (!lookup.success) throw refused('use its token', answer)
  const { ttl: seconds, renewable: isRenewable } = lookup.data.data
  return { token, seconds, isRenewable }
}

/** The same token with a new life; undefined when the server gives it none. */
async function renewed(
  client: OpenBaoClient,
  { token, seconds }: Lease,
): Promise<Lease | undefined> {
  const answer = await client.ask({
    method: 'POST',
    path: 'auth/token/renew-self',
    token,
    body: {},
  })
  const login = loginSchema.safeParse(answer.body)
  if (!login.success) return undefined
  const next = leaseFrom(login.data.auth)
  // Near its greatest age, what is given becomes less and less.
  return next.seconds < Math.min(seconds / 4, 60) && next.seconds > 0 ? undefined : next
}

function leaseFrom(auth: z.infer<typeof loginSchema>['auth']): Lease {
  const { client_token: token, lease_duration: seconds, renewable: isRenewable } = auth
  return { token, seconds, isRenewable }
}

function refused(what: string, { status, body }: OpenBaoAnswer): WebEncodeError {
  const said = errorsOf(body)
  return unavailable(`the kernel may not ${what}: the server answered ${status} ${said}`.trim())
}
