/** Who may call what: one rule for every route, with its access from the table of `contract/access.ts`. A route without a rule is refused. */
import type { Role } from '../contract/auth.ts'
import { operationRules } from './operation-rules.ts'
import { workRules } from './work-rules.ts'

/**
 * Who may call a route: everyone, or a signed-in user with at least this role.
 * `viewer-or-loopback` also lets programs on this machine in without signing in.
 */
export type Access = 'public' | Role | 'viewer-or-loopback'

/** What answering a route takes, for the limits of `in-flight.ts`. */
export type Load = 'request' | 'vital' | 'sign-in' | 'upload' | 'download'

/** What is asked of the caller of one route. */
export interface Rule {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** As the route was registered, with parameters: `/v1/jobs/:id`. */
  readonly path: string
  readonly access: Access
  /** For the log and for the sentence of a refusal: `create a job`. */
  readonly action: string
  /** The word of the audit, for every route that changes something: `job.create`. */
  readonly audit?: string
  /** The handler reads the body as a stream with its own limit, and checks `_csrf` in it by itself. */
  readonly isStreamed?: true
  /** @default 'upload' when the body is streamed, else 'request' */
  readonly load?: Load
}

/** The rules of the API. The pages bring their own. */
export const apiRules: readonly Rule[] = [...workRules, ...operationRules]

/** Finds the rule of a route by the method and path it was registered with. @throws TypeError when a route has two rules */
export function ruleFinder(
  rules: readonly Rule[],
): (method: string, path: string) => Rule | undefined {
  const table = new Map<string, Rule>()
  for (const rule of rules) {
    const key = `${rule.method} ${rule.path}`
    if (table.has(key)) throw new TypeError(`Two rules for ${key}`)
    table.set(key, rule)
  }
  return (method, path) => table.get(`${method} ${path}`)
}
