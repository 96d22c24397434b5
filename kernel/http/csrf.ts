/** Proof that a browser's request comes from our own pages: the token of the session, and the origin. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv, HttpConfig, Identity } from './deps.ts'
import { readForm } from './form.ts'

/**
 * A request whose credentials the browser adds by itself, without a token of ours: it must come from our own pages, or from
 * no browser at all. @throws WE-AUTH-003
 */
export function checkOrigin(c: Context<AppEnv>, config: HttpConfig): void {
  if (isSameOrigin(c, config)) return
  throw new WebEncodeError('WE-AUTH-003', 'Another site may not do this for you')
}

/** Checks the token of the header `X-CSRF-Token` or of the form field `_csrf`. @throws WE-AUTH-003 */
export async function checkCsrf(c: Context<AppEnv>, identity: Identity): Promise<void> {
  const header = c.req.header('x-csrf-token')
  if (header === undefined && c.get('rule')?.isStreamed === true) {
    c.set('isCsrfOpen', true)
    return
  }
  const given = header ?? await formToken(c)
  checkCsrfToken(identity, given)
}

/** Compares a token with that of the session. @throws WE-AUTH-003 */
export function checkCsrfToken(identity: Identity, given: string | undefined): void {
  if (given !== undefined && isSameSecret(given, identity.csrfToken)) return
  throw new WebEncodeError(
    'WE-AUTH-003',
    'The form is out of date: reload the page and try again (the CSRF token is missing or wrong)',
  )
}

/**
 * True when the request comes from a page of this server, or from no page at all (a program).
 * Browsers send `Origin` with every WebSocket and unsafe request.
 */
export function isSameOrigin(c: Context<AppEnv>, config: HttpConfig): boolean {
  if (c.req.header('sec-fetch-site') === 'cross-site') return false
  const origin = c.req.header('origin')
  if (origin === undefined) return true
  const host = URL.parse(origin)?.host
  const own = [c.req.header('host'), URL.parse(config.publicUrl ?? '')?.host]
  return host !== undefined && own.includes(host)
}

/** Compares in constant time, whatever the lengths. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

async function formToken(c: Context<AppEnv>): Promise<string | undefined> {
  const type = c.req.header('content-type') ?? ''
  if (!/^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type)) return undefined
  return (await readForm(c))['_csrf']
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
