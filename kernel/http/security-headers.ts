/** Headers that keep browsers from doing what our pages never ask for. */
import type { MiddlewareHandler } from 'hono'
import type { AppEnv } from './deps.ts'

/** Scripts and styles come from `/assets` only. */
const pagePolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: https:",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** People's files may be HTML or SVG: shown, they run nothing and reach nothing. */
const filePolicy =
  "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox"

/** Sets the headers; an answer that set `Cache-Control` or a policy itself keeps it. */
export function securityHeaders(isHttps: boolean): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next()
    if (c.get('isUpgrade')) return
    const setDefault = (name: string, value: string) => {
      if (!c.res.headers.has(name)) c.header(name, value)
    }
    setDefault('Content-Security-Policy', isFile(c.req.path) ? filePolicy : pagePolicy)
    setDefault('Cache-Control', 'no-store')
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('X-Frame-Options', 'DENY')
    c.header('Referrer-Policy', 'same-origin')
    c.header('Cross-Origin-Opener-Policy', 'same-origin')
    c.header('Cross-Origin-Resource-Policy', 'same-origin')
    c.header('Permissions-Policy', 'camera=(), microphone=(), geolocation=(), payment=()')
    if (isHttps) c.header('Strict-Transport-Security', 'max-age=31536000')
  }
}

function isFile(path: string): boolean {
  return /^\/v1\/(objects|jobs\/[^/]+\/(outputs|logs))\//.test(path)
}
