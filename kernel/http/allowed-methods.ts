/** Methods that an address has: for the answer to those that it has not. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from './deps.ts'
import type { Rule } from './permissions.ts'

/** Those that routes are registered with. HEAD comes by GET. */
const routeMethods: readonly Rule['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** The value of `Allow` for a path; undefined when no method has it. */
export function allowedMethods(
  { router }: Pick<OpenAPIHono<AppEnv>, 'router'>,
  path: string,
): string | undefined {
  const found = routeMethods.filter((method) =>
    router.match(method, path)[0].some(([[, route]]) => route.method !== 'ALL')
  )
  if (found.length === 0) return undefined
  const withHead = found.flatMap((method) => method === 'GET' ? ['GET', 'HEAD'] : [method])
  return [...new Set([...withHead, 'OPTIONS'])].join(', ')
}
