/** Who may open which page, and press what. */
import type { Rule } from '../kernel/http/permissions.ts'

export const uiRules: readonly Rule[] = [
  { method: 'GET', path: '/', access: 'viewer', action: 'open the front page' },
  { method: 'GET', path: '/login', access: 'public', action: 'open the sign-in page' },
  { method: 'GET', path: '/assets/:name', access: 'public', action: 'load an asset' },
  { method: 'GET', path: '/favicon.ico', access: 'public', action: 'load the icon' },
  { method: 'POST', path: '/preferences/theme', access: 'viewer', action: 'choose a theme' },

  { method: 'GET', path: '/dashboard', access: 'viewer', action: 'see the dashboard' },
  { method: 'GET', path: '/dashboard/live', access: 'viewer', action: 'see the dashboard' },
  { method: 'GET', path: '/profiles', access: 'viewer', action: 'see the profiles' },
  { method: 'GET', path: '/docs', access: 'viewer', action: 'read about the API' },

  { method: 'GET', path: '/workers', access: 'viewer', action: 'see the workers' },
  { method: 'GET', path: '/workers/live', access: 'viewer', action: 'see the workers' },
  { method: 'POST', path: '/workers/tokens', access: 'admin', action: 'make a join token' },
  { method: 'GET', path: '/workers/tokens', access: 'viewer', action: 'see the workers' },
  {
    method: 'POST',
    path: '/workers/tokens/:id/delete',
    access: 'admin',
    action: 'take back a join token',
  },
  { method: 'GET', path: '/workers/:id', access: 'viewer', action: 'see a worker' },
  { method: 'GET', path: '/workers/:id/live', access: 'viewer', action: 'see a worker' },
  { method: 'POST', path: '/workers/:id/drain', access: 'operator', action: 'drain a worker' },
  { method: 'POST', path: '/workers/:id/undrain', access: 'operator', action: 'undrain a worker' },
  { method: 'POST', path: '/workers/:id/restart', access: 'operator', action: 'restart a worker' },
  { method: 'POST', path: '/workers/:id/remove', access: 'admin', action: 'remove a worker' },

  { method: 'GET', path: '/jobs', access: 'viewer', action: 'see the jobs' },
  { method: 'GET', path: '/jobs/live', access: 'viewer', action: 'see the jobs' },
  { method: 'GET', path: '/jobs/new', access: 'operator', action: 'create a job' },
  { method: 'GET', path: '/jobs/new/files', access: 'operator', action: 'browse files' },
  { method: 'POST', path: '/jobs/new', access: 'operator', action: 'create a job' },
  {
    method: 'POST',
    path: '/jobs/new/upload',
    access: 'operator',
    action: 'upload a file',
    isStreamed: true,
  },
  { method: 'GET', path: '/jobs/:id', access: 'viewer', action: 'see a job' },
  { method: 'GET', path: '/jobs/:id/live', access: 'viewer', action: 'see a job' },
  { method: 'GET', path: '/jobs/:id/logs', access: 'viewer', action: 'read the logs of a job' },
  { method: 'POST', path: '/jobs/:id/cancel', access: 'operator', action: 'cancel a job' },
  { method: 'POST', path: '/jobs/:id/retry', access: 'operator', action: 'run a job again' },
  { method: 'POST', path: '/jobs/:id/delete', access: 'operator', action: 'delete a job' },
  {
    method: 'POST',
    path: '/jobs/:id/tasks/:taskId/requeue',
    access: 'operator',
    action: 'requeue a task',
  },
]
