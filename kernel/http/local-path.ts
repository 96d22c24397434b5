/** Addresses of this server: where people go after signing in, and how others are told to come back. */
import type { Context } from 'hono'
import type { AppEnv, HttpDeps } from './deps.ts'
import { isSecure } from './sessions.ts'

const longestPath = 2048

/** A path of this server; anything that could lead elsewhere becomes the front page. */
export function localPath(next: string | undefined): string {
  const isLocal = next !== undefined && next.length <= longestPath &&
    /^\/(?![/\\])[^\p{Cc}\\]*$/u.test(next)
  return isLocal ? next : '/'
}

/** The whole address of a path, as people reach it. */
export function ownUrl(
  c: Context<AppEnv>,
  deps: Pick<HttpDeps, 'config'>,
  path: string,
): string {
  if (deps.config.publicUrl !== null) return deps.config.publicUrl + path
  const { host } = new URL(c.req.url)
  return `${isSecure(c, deps) ? 'https' : 'http'}://${host}${path}`
}
