/** Who may call what: one rule for every route, with its access from the table of `contract/access.ts`. A route without a rule is refused. */
import { leastRole } from '../contract/access.ts'
import type { Role } from '../contract/auth.ts'

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
    audit: 'auth.sign_in',
    load: 'sign-in',
  },
  {
    method: 'POST',
    path: '/auth/login',
    access: 'public',
    action: 'sign in',
    audit: 'auth.sign_in',
    load: 'sign-in',
  },
  {
    method: 'GET',
    path: '/auth/oidc/start',
    access: 'public',
    action: 'go to the identity provider',
  },
  {
    method: 'GET',
    path: '/auth/oidc/callback',
    access: 'public',
    action: 'come back from the identity provider',
  },
  // The signature of its token is the permission.
  {
    method: 'POST',
    path: '/auth/oidc/backchannel-logout',
    access: 'public',
    action: 'end sessions for the identity provider',
    audit: 'auth.backchannel_logout',
  },
  {
    method: 'POST',
    path: '/auth/logout',
    access: leastRole('account', 'update'),
    action: 'sign out',
    audit: 'auth.sign_out',
  },

  {
    method: 'GET',
    path: '/v1/me',
    access: leastRole('account', 'read'),
    action: 'see who is signed in',
  },
  {
    method: 'GET',
    path: '/v1/errors',
    access: leastRole('system', 'read'),
    action: 'list error codes',
  },
  {
    method: 'GET',
    path: '/v1/stats',
    access: leastRole('system', 'read'),
    action: 'read the statistics',
  },
  {
    method: 'GET',
    path: '/v1/ws',
    access: leastRole('system', 'read'),
    action: 'watch live updates',
  },

  {
    method: 'POST',
    path: '/v1/jobs',
    access: leastRole('job', 'create'),
    action: 'create a job',
    audit: 'job.create',
  },
  { method: 'GET', path: '/v1/jobs', access: leastRole('job', 'read'), action: 'list jobs' },
  { method: 'GET', path: '/v1/jobs/:id', access: leastRole('job', 'read'), action: 'see a job' },
  {
    method: 'DELETE',
    path: '/v1/jobs/:id',
    access: leastRole('job', 'delete'),
    action: 'delete a job',
    audit: 'job.delete',
  },
  {
    method: 'POST',
    path: '/v1/jobs/:id/cancel',
    access: leastRole('job', 'execute'),
    action: 'cancel a job',
    audit: 'job.cancel',
  },
  {
    method: 'POST',
    path: '/v1/jobs/:id/retry',
    access: leastRole('job', 'execute'),
    action: 'retry a job',
    audit: 'job.retry',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/tasks',
    access: leastRole('job', 'read'),
    action: 'see the tasks of a job',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/events',
    access: leastRole('job', 'read'),
    action: 'see the events of a job',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/logs',
    access: leastRole('job', 'read'),
    action: 'list the logs of a job',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/logs/:name',
    access: leastRole('job', 'read'),
    action: 'read a job log',
    load: 'download',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/outputs',
    access: leastRole('job', 'read'),
    action: 'list outputs',
  },
  {
    method: 'GET',
    path: '/v1/jobs/:id/outputs/:name',
    access: leastRole('job', 'read'),
    action: 'download an output',
    load: 'download',
  },
  {
    method: 'POST',
    path: '/v1/tasks/:id/requeue',
    access: leastRole('job', 'execute'),
    action: 'requeue a task',
    audit: 'task.requeue',
  },

  {
    method: 'POST',
    path: '/v1/tokens',
    access: leastRole('token', 'create'),
    action: 'make an API token',
    audit: 'token.create',
  },
  {
    method: 'GET',
    path: '/v1/tokens',
    access: leastRole('token', 'read'),
    action: 'list API tokens',
  },
  {
    method: 'DELETE',
    path: '/v1/tokens/:id',
    access: leastRole('token', 'delete'),
    action: 'take back an API token',
    audit: 'token.delete',
  },

  {
    method: 'GET',
    path: '/v1/autoscale',
    access: leastRole('worker', 'read'),
    action: 'see how much work there is',
  },
  {
    method: 'GET',
    path: '/v1/owners',
    access: leastRole('owner', 'read'),
    action: 'list the weights of owners',
  },
  {
    method: 'PUT',
    path: '/v1/owners/:id/weight',
    access: leastRole('owner', 'update'),
    action: 'set the weight of an owner',
    audit: 'owner.set_weight',
  },

  {
    method: 'GET',
    path: '/v1/audit',
    access: leastRole('audit', 'read'),
    action: 'read the audit',
  },
  {
    method: 'GET',
    path: '/v1/audit/export.csv',
    access: leastRole('audit', 'read'),
    action: 'export the audit',
    audit: 'audit.export',
    load: 'download',
  },

  {
    method: 'GET',
    path: '/v1/secrets',
    access: leastRole('secret', 'read'),
    action: 'list the names of secrets',
  },
  {
    method: 'PUT',
    path: '/v1/secrets/:name',
    access: leastRole('secret', 'update'),
    action: 'set a secret',
    audit: 'secret.set',
  },
  {
    method: 'POST',
    path: '/v1/secrets/rotate',
    access: leastRole('secret', 'update'),
    action: 'rotate the key of the secrets',
    audit: 'secret.rotate',
  },
  {
    method: 'DELETE',
    path: '/v1/secrets/:name',
    access: leastRole('secret', 'delete'),
    action: 'delete a secret',
    audit: 'secret.delete',
  },

  {
    method: 'GET',
    path: '/v1/profiles',
    access: leastRole('profile', 'read'),
    action: 'list profiles',
  },
  {
    method: 'GET',
    path: '/v1/profiles/:name',
    access: leastRole('profile', 'read'),
    action: 'see a profile',
  },
  {
    method: 'POST',
    path: '/v1/workers/join-tokens',
    access: leastRole('join-token', 'create'),
    action: 'make a join token',
    audit: 'join_token.create',
  },
  {
    method: 'GET',
    path: '/v1/workers/join-tokens',
    access: leastRole('join-token', 'read'),
    action: 'list join tokens',
  },
  {
    method: 'DELETE',
    path: '/v1/workers/join-tokens/:id',
    access: leastRole('join-token', 'delete'),
    action: 'take back a join token',
    audit: 'join_token.delete',
  },
  {
    method: 'GET',
    path: '/v1/workers',
    access: leastRole('worker', 'read'),
    action: 'list workers',
  },
  {
    method: 'GET',
    path: '/v1/workers/:id',
    access: leastRole('worker', 'read'),
    action: 'see a worker',
  },
  {
    method: 'POST',
    path: '/v1/workers/:id/drain',
    access: leastRole('worker', 'execute'),
    action: 'drain a worker',
    audit: 'worker.drain',
  },
  {
    method: 'POST',
    path: '/v1/workers/:id/undrain',
    access: leastRole('worker', 'execute'),
    action: 'undrain a worker',
    audit: 'worker.undrain',
  },
  {
    method: 'POST',
    path: '/v1/workers/:id/restart',
    access: leastRole('worker', 'execute'),
    action: 'restart a worker',
    audit: 'worker.restart',
  },
  {
    method: 'DELETE',
    path: '/v1/workers/:id',
    access: leastRole('worker', 'delete'),
    action: 'remove a worker',
    audit: 'worker.remove',
  },

  {
    method: 'GET',
    path: '/v1/plugins',
    access: leastRole('plugin', 'read'),
    action: 'list plugins',
  },
  {
    method: 'GET',
    path: '/v1/plugins/routes',
    access: leastRole('plugin', 'read'),
    action: 'see plugin routes',
  },
  {
    method: 'PUT',
    path: '/v1/plugins/routes/:pillar',
    access: leastRole('plugin', 'update'),
    action: 'change plugin routes',
    audit: 'plugin.route',
  },
  {
    method: 'GET',
    path: '/v1/plugins/:id',
    access: leastRole('plugin', 'read'),
    action: 'see a plugin',
  },
  {
    method: 'GET',
    path: '/v1/plugins/:id/logs',
    access: leastRole('plugin-log', 'read'),
    action: 'read a plugin log',
  },
  {
    method: 'PUT',
    path: '/v1/plugins/:id/config',
    access: leastRole('plugin', 'update'),
    action: 'configure a plugin',
    audit: 'plugin.configure',
  },
  {
    method: 'POST',
    path: '/v1/plugins/:id/enable',
    access: leastRole('plugin', 'execute'),
    action: 'enable a plugin',
    audit: 'plugin.enable',
  },
  {
    method: 'POST',
    path: '/v1/plugins/:id/disable',
    access: leastRole('plugin', 'execute'),
    action: 'disable a plugin',
    audit: 'plugin.disable',
  },
  {
    method: 'POST',
    path: '/v1/plugins/:id/restart',
    access: leastRole('plugin', 'execute'),
    action: 'restart a plugin',
    audit: 'plugin.restart',
  },
  {
    method: 'POST',
    path: '/v1/plugins/:id/test',
    access: leastRole('plugin', 'execute'),
    action: 'test a plugin',
    audit: 'plugin.test',
  },
  {
    method: 'POST',
    path: '/v1/plugins/:id/upgrade',
    access: leastRole('plugin', 'create'),
    action: 'upgrade a plugin',
    audit: 'plugin.upgrade',
    isStreamed: true,
  },

  {
    method: 'GET',
    path: '/v1/files/capabilities',
    access: leastRole('file', 'read'),
    action: 'see the storages',
  },
  {
    method: 'GET',
    path: '/v1/files/roots',
    access: leastRole('file', 'read'),
    action: 'list storage roots',
  },
  {
    method: 'GET',
    path: '/v1/files/browse',
    access: leastRole('file', 'read'),
    action: 'browse files',
  },
  {
    method: 'POST',
    path: '/v1/files/upload',
    access: leastRole('file', 'create'),
    action: 'upload a file',
    audit: 'file.upload',
    isStreamed: true,
  },

  {
    method: 'POST',
    path: '/v1/files/upload-url',
    access: leastRole('file', 'create'),
    action: 'upload a file',
    audit: 'file.sign_upload',
  },
  {
    method: 'OPTIONS',
    path: '/v1/files/tus',
    access: leastRole('file', 'read'),
    action: 'see how files are uploaded',
  },
  {
    method: 'POST',
    path: '/v1/files/tus',
    access: leastRole('file', 'create'),
    action: 'upload a file',
    audit: 'file.upload',
    isStreamed: true,
  },
  // HEAD comes by here too.
  {
    method: 'GET',
    path: '/v1/files/tus/:id',
    access: leastRole('file', 'create'),
    action: 'upload a file',
  },
  {
    method: 'PATCH',
    path: '/v1/files/tus/:id',
    access: leastRole('file', 'create'),
    action: 'upload a file',
    isStreamed: true,
  },
  {
    method: 'DELETE',
    path: '/v1/files/tus/:id',
    access: leastRole('file', 'delete'),
    action: 'upload a file',
    audit: 'file.abort_upload',
  },

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
