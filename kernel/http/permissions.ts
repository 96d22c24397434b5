/** Who may do what: one rule for every route. A route without a rule is refused. */
import { type Role, roles } from '../contract/auth.ts'

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
  /** The handler reads the body as a stream with its own limit, and checks `_csrf` in it by itself. */
  readonly isStreamed?: true
  /** @default 'upload' when the body is streamed, else 'request' */
  readonly load?: Load
}

/** The rules of the API. The pages bring their own. */
export const apiRules: readonly Rule[] = [
  {
    method: 'GET',
    path: '/health',
    access: 'public',
    action: 'see that the process lives',
    load: 'vital',
  },
  {
    method: 'GET',
    path: '/ready',
    access: 'public',
    action: 'see whether work is accepted',
    load: 'vital',
  },
  {
    method: 'GET',
    path: '/metrics',
    access: 'viewer-or-loopback',
    action: 'read metrics',
    load: 'vital',
  },
  { method: 'GET', path: '/openapi.json', access: 'public', action: 'read the API description' },

  { method: 'GET', path: '/auth/link', access: 'public', action: 'open a sign-in link' },
  {
    method: 'POST',
    path: '/auth/link',
    access: 'public',
    action: 'sign in with a link',
    load: 'sign-in',
  },
  { method: 'POST', path: '/auth/login', access: 'public', action: 'sign in', load: 'sign-in' },
  { method: 'POST', path: '/auth/logout', access: 'viewer', action: 'sign out' },

  { method: 'GET', path: '/v1/me', access: 'viewer', action: 'see who is signed in' },
  { method: 'GET', path: '/v1/errors', access: 'viewer', action: 'list error codes' },
  { method: 'GET', path: '/v1/stats', access: 'viewer', action: 'read the statistics' },
  { method: 'GET', path: '/v1/ws', access: 'viewer', action: 'watch live updates' },

  { method: 'POST', path: '/v1/jobs', access: 'operator', action: 'create a job' },
  { method: 'GET', path: '/v1/jobs', access: 'viewer', action: 'list jobs' },
  { method: 'GET', path: '/v1/jobs/:id', access: 'viewer', action: 'see a job' },
  { method: 'DELETE', path: '/v1/jobs/:id', access: 'operator', action: 'delete a job' },
  { method: 'POST', path: '/v1/jobs/:id/cancel', access: 'operator', action: 'cancel a job' },
  { method: 'POST', path: '/v1/jobs/:id/retry', access: 'operator', action: 'retry a job' },
  { method: 'GET', path: '/v1/jobs/:id/tasks', access: 'viewer', action: 'see the tasks of a job' },
  {
    method: 'GET',
    path: '/v1/jobs/:id/events',
    access: 'viewer',
    action: 'see the events of a job',
  },
  { method: 'GET', path: '/v1/jobs/:id/logs', access: 'viewer', action: 'list the logs of a job' },
  {
    method: 'GET',
    path: '/v1/jobs/:id/logs/:name',
    access: 'viewer',
    action: 'read a job log',
    load: 'download',
  },
  { method: 'GET', path: '/v1/jobs/:id/outputs', access: 'viewer', action: 'list outputs' },
  {
    method: 'GET',
    path: '/v1/jobs/:id/outputs/:name',
    access: 'viewer',
    action: 'download an output',
    load: 'download',
  },
  { method: 'POST', path: '/v1/tasks/:id/requeue', access: 'operator', action: 'requeue a task' },

  { method: 'GET', path: '/v1/autoscale', access: 'viewer', action: 'see how much work there is' },
  { method: 'GET', path: '/v1/owners', access: 'admin', action: 'list the weights of owners' },
  {
    method: 'PUT',
    path: '/v1/owners/:id/weight',
    access: 'admin',
    action: 'set the weight of an owner',
  },

  { method: 'GET', path: '/v1/profiles', access: 'viewer', action: 'list profiles' },
  { method: 'GET', path: '/v1/profiles/:name', access: 'viewer', action: 'see a profile' },
  {
    method: 'POST',
    path: '/v1/workers/join-tokens',
    access: 'admin',
    action: 'make a join token',
  },
  { method: 'GET', path: '/v1/workers/join-tokens', access: 'admin', action: 'list join tokens' },
  {
    method: 'DELETE',
    path: '/v1/workers/join-tokens/:id',
    access: 'admin',
    action: 'take back a join token',
  },
  { method: 'GET', path: '/v1/workers', access: 'viewer', action: 'list workers' },
  { method: 'GET', path: '/v1/workers/:id', access: 'viewer', action: 'see a worker' },
  { method: 'POST', path: '/v1/workers/:id/drain', access: 'operator', action: 'drain a worker' },
  {
    method: 'POST',
    path: '/v1/workers/:id/undrain',
    access: 'operator',
    action: 'undrain a worker',
  },
  {
    method: 'POST',
    path: '/v1/workers/:id/restart',
    access: 'operator',
    action: 'restart a worker',
  },
  { method: 'DELETE', path: '/v1/workers/:id', access: 'admin', action: 'remove a worker' },

  { method: 'GET', path: '/v1/files/capabilities', access: 'operator', action: 'see the storages' },
  { method: 'GET', path: '/v1/files/roots', access: 'operator', action: 'list storage roots' },
  { method: 'GET', path: '/v1/files/browse', access: 'operator', action: 'browse files' },
  {
    method: 'POST',
    path: '/v1/files/upload',
    access: 'operator',
    action: 'upload a file',
    isStreamed: true,
  },

  {
    method: 'POST',
    path: '/v1/files/upload-url',
    access: 'operator',
    action: 'upload a file',
  },
  {
    method: 'OPTIONS',
    path: '/v1/files/tus',
    access: 'operator',
    action: 'see how files are uploaded',
  },
  {
    method: 'POST',
    path: '/v1/files/tus',
    access: 'operator',
    action: 'upload a file',
    isStreamed: true,
  },
  // HEAD comes by here too.
  { method: 'GET', path: '/v1/files/tus/:id', access: 'operator', action: 'upload a file' },
  {
    method: 'PATCH',
    path: '/v1/files/tus/:id',
    access: 'operator',
    action: 'upload a file',
    isStreamed: true,
  },
  { method: 'DELETE', path: '/v1/files/tus/:id', access: 'operator', action: 'upload a file' },

  // Their signature is the permission; the storage checks it.
  {
    method: 'GET',
    path: '/v1/objects/*',
    access: 'public',
    action: 'read by signed URL',
    load: 'download',
  },
  {
    method: 'PUT',
    path: '/v1/objects/*',
    access: 'public',
    action: 'write by signed URL',
    isStreamed: true,
  },
]

/** True when `role` includes everything that `needed` may do. */
export function roleCovers(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed)
}

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
