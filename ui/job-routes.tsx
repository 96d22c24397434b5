/** Addresses of the job list and of one job, and the buttons on them. */
import { type Context, Hono } from 'hono'
import { mayDo } from '../kernel/contract/access.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { noteAudit } from '../kernel/http/audit.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import type { Assets } from './assets.ts'
import { nameOfSource } from './components/format.ts'
import type { UiDeps } from './deps.ts'
import { act } from './notice.ts'
import { fragment, page } from './page.ts'
import { JobPage, loadJob } from './pages/job.tsx'
import { JobsLive, JobsPage, jobsQueryFrom, loadJobs } from './pages/jobs.tsx'
import { loadLogs, LogsPage } from './pages/logs.tsx'

/** Routes below `/jobs` that show and change jobs that exist. */
export function jobActionRoutes(deps: UiDeps, assets: Assets) {
  const { gateway } = deps
  return new Hono<AppEnv>()
    .get('/jobs', async (c) => page(c, assets, 'Jobs', <JobsPage view={await jobsView(deps, c)} />))
    .get('/jobs/live', async (c) => fragment(c, <JobsLive view={await jobsView(deps, c)} />))
    .get('/jobs/:id', async (c) => {
      const view = await jobView(deps, c)
      return page(c, assets, nameOfSource(view.job.source_url), <JobPage view={view} />)
    })
    .get('/jobs/:id/live', async (c) => fragment(c, <JobPage view={await jobView(deps, c)} />))
    .get('/jobs/:id/logs', async (c) => {
      const { name, task } = c.req.query()
      const view = await loadLogs(deps, jobIdOf(c), { name, taskId: task })
      return page(c, assets, `Logs of ${view.title}`, <LogsPage view={view} />)
    })
    .post('/jobs/:id/cancel', (c) =>
      act(c, pathOf(c), async () => {
        await gateway.cancelJob(jobIdOf(c), currentCaller(c))
        return { text: 'The job was cancelled.' }
      }))
    .post('/jobs/:id/retry', (c) =>
      act(c, pathOf(c), async () => {
        const job = await gateway.retryJob(jobIdOf(c), currentCaller(c))
        noteAudit(c, { detail: { new_job_id: job.id } })
        return { path: `/jobs/${job.id}`, text: 'The job runs again, as this new job.' }
      }))
    .post('/jobs/:id/delete', (c) =>
      act(c, pathOf(c), async () => {
        await gateway.deleteJob(jobIdOf(c), currentCaller(c))
        return { path: '/jobs', text: 'The job and its files were deleted.' }
      }))
    .post('/jobs/:id/tasks/:taskId/requeue', (c) =>
      act(c, pathOf(c), async () => {
        await gateway.requeueTask(taskIdOf(c), currentCaller(c))
        return { text: 'The task is ready for the next free worker.' }
      }))
}

async function jobsView({ db, clock }: UiDeps, c: Context<AppEnv>) {
  return await loadJobs(db, jobsQueryFrom(c.req.query()), clock.now(), canOperate(c))
}

async function jobView(deps: UiDeps, c: Context<AppEnv>) {
  return await loadJob(deps, jobIdOf(c), {
    csrfToken: canOperate(c) ? csrfToken(c) : undefined,
    showsAllTasks: c.req.query('tasks') === 'all',
  })
}

function canOperate(c: Context<AppEnv>): boolean {
  return mayDo(currentCaller(c).role, 'job', 'execute')
}

/** @throws WE-JOB-004 when it cannot be the id of a job */
function jobIdOf(c: Context<AppEnv>): string {
  const id = c.req.param('id') ?? ''
  if (/^[A-Za-z0-9-]{1,64}$/.test(id)) return id
  throw new WebEncodeError('WE-JOB-004', 'No job has such an id')
}

/** @throws WE-JOB-004 when it is not the id of a task of this job */
function taskIdOf(c: Context<AppEnv>): string {
  const jobId = jobIdOf(c)
  const taskId = c.req.param('taskId') ?? ''
  if (taskId.startsWith(`${jobId}.`) && /^[A-Za-z0-9.-]{1,128}$/.test(taskId)) return taskId
  throw new WebEncodeError('WE-JOB-004', `Job ${jobId} has no such task`)
}

function pathOf(c: Context<AppEnv>): string {
  return `/jobs/${jobIdOf(c)}`
}
