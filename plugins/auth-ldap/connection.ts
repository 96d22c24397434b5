/** Connections to the directory: encrypted before anything is said, few at a time, each with a deadline. */
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { Client } from 'ldapts'
import type { Clock } from '../../kernel/clock.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { LdapSettings } from './options.ts'

/** Runs `work` with a fresh connection. @throws WE-AUTH-005 when the directory does not answer, or not in time */
export type WithConnection = <T>(work: (client: Client) => Promise<T>) => Promise<T>

/** Opens connections as the settings say; whoever finds none free waits within the same deadline. */
export function createConnections(settings: LdapSettings): WithConnection {
  const { clock, timeoutMs, maxConnections } = settings
  const places = createPlaces(maxConnections)
  return async (work) => {
    const deadline = startDeadline(clock, timeoutMs)
    try {
      const leave = await Promise.race([places.enter(deadline.signal), deadline.passed])
      try {
        return await Promise.race([ask(settings, work), deadline.passed])
      } finally {
        leave()
      }
    } catch (cause) {
      if (cause instanceof WebEncodeError) throw cause
      throw new WebEncodeError(
        'WE-AUTH-005',
        `Cannot ask the directory ${settings.url}: ${messageOf(cause)}`,
        { cause },
      )
    } finally {
      deadline.cancel()
    }
  }
}

async function ask<T>(
  settings: LdapSettings,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { url, startTls, timeoutMs } = settings
  const isSecure = url.startsWith('ldaps:')
  const client = new Client({
    url,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    strictDN: false,
    ...(isSecure && { tlsOptions: tlsOptions(settings) }),
  })
  try {
    if (!isSecure && startTls) await client.startTLS(tlsOptions(settings))
    return await work(client)
  } finally {
    // What was asked is answered, or failed with a reason of its own; a goodbye that fails adds nothing.
    client.unbind().catch(() => {})
  }
}

/** The certificate must be of this host, whatever socket it comes over. */
function tlsOptions({ url, ca }: LdapSettings): ConnectionOptions {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    minVersion: 'TLSv1.2',
  }
}

function startDeadline(clock: Clock, timeoutMs: number) {
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {}) // whoever races against it hears of it; without a race nobody has to
  const cancel = clock.after(timeoutMs, () => {
    const late = new Error(`there was no answer within ${timeoutMs} ms`)
    controller.abort(late)
    reject(late)
  })
  return { signal: controller.signal, passed: promise, cancel }
}

/** So many at a time, in the order of their coming. */
function createPlaces(count: number) {
  const waiting = new Set<() => void>()
  let free = count
  const leave = () => {
    const [next] = waiting
    if (next === undefined) free++
    else next()
  }
  return {
    async enter(signal: AbortSignal): Promise<() => void> {
      if (free > 0) {
        free--
        return leave
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      const turn = () => {
        waiting.delete(turn)
        resolve()
      }
      waiting.add(turn)
      signal.addEventListener('abort', () => waiting.delete(turn), { once: true })
      await promise
      return leave
    },
  }
}
