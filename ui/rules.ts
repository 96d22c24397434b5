/** Who may open which page, and press what. */
import { leastRole } from '../kernel/contract/access.ts'
import type { Rule } from '../kernel/http/permissions.ts'

export const uiRules: readonly Rule[] = [
  { method: 'GET', path: '/', access: leastRole('system', 'read'), action: 'open the front page' },
  { method: 'GET', path: '/login', access: 'public', action: 'open the sign-in page' },
  { method: 'GET', path: '/assets/:name', access: 'public', action: 'load an asset' },
  { method: 'GET', path: '/favicon.ico', access: 'public', action: 'load the icon' },
  {
    method: 'POST',
    path: '/preferences/theme',
    access: leastRole('account', 'update'),
    action: 'choose a theme',
  },

  {
    method: 'GET',
    path: '/dashboard',
    access: leastRole('system', 'read'),
    action: 'see the dashboard',
  },
  {
    method: 'GET',
    path: '/dashboard/live',
    access: leastRole('system', 'read'),
    action: 'see the dashboard',
  },
  {
    method: 'GET',
    path: '/profiles',
    access: leastRole('profile', 'read'),
    action: 'see the profiles',
  },
  {
    method: 'GET',
    path: '/docs',
    access: leastRole('system', 'read'),
    action: 'read about the API',
  },

  {
    method: 'GET',
    path: '/workers',
    access: leastRole('worker', 'read'),
    action: 'see the workers',
  },
  {
    method: 'GET',
    path: '/workers/live',
    access: leastRole('worker', 'read'),
    action: 'see the workers',
  },
  {
    method: 'POST',
    path: '/workers/tokens',
    access: leastRole('join-token', 'create'),
    action: 'make a join token',
  },
  {
    method: 'GET',
    path: '/workers/tokens',
    access: leastRole('worker', 'read'),
    action: 'see the workers',
  },
  {
    method: 'POST',
    path: '/workers/tokens/:id/delete',
    access: leastRole('join-token', 'delete'),
    action: 'take back a join token',
  },
  {
    method: 'GET',
    path: '/workers/:id',
    access: leastRole('worker', 'read'),
    action: 'see a worker',
  },
  {
    method: 'GET',
    path: '/workers/:id/live',
    access: leastRole('worker', 'read'),
    action: 'see a worker',
  },
  {
    method: 'POST',
    path: '/workers/:id/drain',
    access: leastRole('worker', 'execute'),
    action: 'drain a worker',
  },
  {
    method: 'POST',
    path: '/workers/:id/undrain',
    access: leastRole('worker', 'execute'),
    action: 'undrain a worker',
  },
  {
    method: 'POST',
    path: '/workers/:id/restart',
    access: leastRole('worker', 'execute'),
    action: 'restart a worker',
  },
  {
    method: 'POST',
    path: '/workers/:id/remove',
    access: leastRole('worker', 'delete'),
    action: 'remove a worker',
  },

  { method: 'GET', path: '/jobs', access: leastRole('job', 'read'), action: 'see the jobs' },
  { method: 'GET', path: '/jobs/live', access: leastRole('job', 'read'), action: 'see the jobs' },
  { method: 'GET', path: '/jobs/new', access: leastRole('job', 'create'), action: 'create a job' },
  {
    method: 'GET',
    path: '/jobs/new/files',
    access: leastRole('file', 'read'),
    action: 'browse files',
  },
  { method: 'POST', path: '/jobs/new', access: leastRole('job', 'create'), action: 'create a job' },
  {
    method: 'POST',
    path: '/jobs/new/upload',
    access: leastRole('file', 'create'),
    action: 'upload a file',
    isStreamed: true,
  },
  { method: 'GET', path: '/jobs/:id', access: leastRole('job', 'read'), action: 'see a job' },
  { method: 'GET', path: '/jobs/:id/live', access: leastRole('job', 'read'), action: 'see a job' },
  {
    method: 'GET',
    path: '/jobs/:id/logs',
    access: leastRole('job', 'read'),
    action: 'read the logs of a job',
  },
  {
    method: 'POST',
    path: '/jobs/:id/cancel',
    access: leastRole('job', 'execute'),
    action: 'cancel a job',
  },
  {
    method: 'POST',
    path: '/jobs/:id/retry',
    access: leastRole('job', 'execute'),
    action: 'run a job again',
  },
  {
    method: 'POST',
    path: '/jobs/:id/delete',
    access: leastRole('job', 'delete'),
    action: 'delete a job',
  },
  {
    method: 'POST',
    path: '/jobs/:id/tasks/:taskId/requeue',
    access: leastRole('job', 'execute'),
    action: 'requeue a task',
  },

  {
    method: 'GET',
    path: '/settings/tokens',
    access: leastRole('token', 'read'),
    action: 'see API tokens',
  },
  {
    method: 'POST',
    path: '/settings/tokens',
    access: leastRole('token', 'create'),
    action: 'make an API token',
  },
  {
    method: 'POST',
    path: '/settings/tokens/:id/delete',
    access: leastRole('token', 'delete'),
    action: 'take back an API token',
  },
  {
    method: 'GET',
    path: '/settings/users',
    access: leastRole('user', 'read'),
    action: 'see the users',
  },
  {
    method: 'POST',
    path: '/settings/users/end-sessions',
    access: leastRole('user', 'update'),
    action: 'end the sessions of a user',
  },
  {
    method: 'POST',
    path: '/settings/users/take-back-tokens',
    access: leastRole('user', 'update'),
    action: 'take back the API tokens of a user',
  },
  {
    method: 'POST',
    path: '/settings/sessions/:id/end',
    access: leastRole('user', 'update'),
    action: 'end a session',
  },
]
