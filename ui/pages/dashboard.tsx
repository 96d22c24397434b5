/** The dashboard: what runs, what happened today, who works and how full the storage is. */
import type { DashboardStats, JobView, WorkerView } from '../../kernel/contract/job.ts'
import { readDashboardStats } from '../../kernel/db/dashboard.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { listJobs } from '../../kernel/db/jobs.ts'
import { listWorkers } from '../../kernel/db/workers.ts'
import type { StorageUsage, UiDeps } from '../deps.ts'
import { formatBytes, formatDuration, formatPercent } from '../components/format.ts'
import { Icon } from '../components/icons.tsx'
import { liveAttributes } from '../components/live.ts'
import { JobTable, RunningJobs, topicsOf } from '../components/job-list.tsx'
import { Empty, Figure, PageHeading, Panel } from '../components/panels.tsx'
import { ProgressBar } from '../components/progress.tsx'
import { WorkerList } from '../components/worker-list.tsx'

/** Everything that the dashboard shows. */
export interface DashboardView {
  readonly stats: DashboardStats
  readonly running: readonly JobView[]
  readonly recent: readonly JobView[]
  readonly workers: readonly WorkerView[]
  readonly storage: StorageUsage | undefined
  readonly canCreate: boolean
  readonly now: number
}

/** Jobs that are shown at most. What runs is not shown again among the recent ones. */
const mostRecent = 8
const mostRunning = 5

/** Reads the dashboard. */
export async function loadDashboard(
  deps: Pick<UiDeps, 'db' | 'storageUsage' | 'clock'>,
  canCreate: boolean,
): Promise<DashboardView> {
  const { db } = deps
  const [stats, running, recent, workers, storage] = await Promise.all([
    readDashboardStats(db),
    listRunning(db),
    listJobs(db, { limit: mostRecent + mostRunning }),
    listWorkers(db),
    deps.storageUsage?.(),
  ])
  return {
    stats,
    running,
    recent: recent.jobs
      .filter((job) => !running.some(({ id }) => id === job.id))
      .slice(0, mostRecent),
    workers: workers.filter((worker) => worker.status !== 'offline'),
    storage,
    canCreate,
    now: deps.clock.now(),
  }
}

/** The jobs that workers are busy with, those nearest to their end first. */
async function listRunning(db: Reader): Promise<JobView[]> {
  const statuses = ['uploading', 'stitching', 'processing'] as const
  const pages = await Promise.all(
    statuses.map((status) => listJobs(db, { status, sort: 'progress_pct', limit: mostRunning })),
  )
  return pages.flatMap((found) => found.jobs).slice(0, mostRunning)
}

/** The whole page. */
export function DashboardPage({ view }: { view: DashboardView }) {
  return (
    <>
      <PageHeading title='Dashboard' description='What your encoders are doing right now.'>
        {view.canCreate && <NewJobLink />}
      </PageHeading>
      <DashboardLive view={view} />
    </>
  )
}

/** The part that changes by itself. */
export function DashboardLive({ view }: { view: DashboardView }) {
  return (
    <div
      id='dashboard'
      class='flex flex-col gap-5'
      {...liveAttributes(
        '/dashboard/live',
        topicsOf([...view.running, ...view.recent].slice(0, 20)),
      )}
    >
      <Figures stats={view.stats} />
      <div class='grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]'>
        <div class='flex min-w-0 flex-col gap-5'>
          {view.running.length > 0 && (
            <Panel title='Running now'>
              <RunningJobs jobs={view.running} />
            </Panel>
          )}
          <RecentJobs view={view} />
        </div>
        <div class='grid gap-5 md:grid-cols-2 xl:grid-cols-1'>
          <Panel title='Workers' action={<a class='link text-sm' href='/workers'>All</a>}>
            {view.workers.length === 0
              ? <Empty icon='server' title='No worker is online'>Jobs wait until one joins.</Empty>
              : <WorkerList workers={view.workers.slice(0, 6)} />}
          </Panel>
          {view.storage && <StoragePanel usage={view.storage} />}
        </div>
      </div>
    </div>
  )
}

const lastDay = 'in 24 h'

function Figures({ stats }: { stats: DashboardStats }) {
  const { jobs, jobs_24h } = stats
  const running = (jobs.processing ?? 0) + (jobs.stitching ?? 0) + (jobs.uploading ?? 0)
  return (
    <div class='grid grid-cols-2 gap-3 sm:gap-5 lg:grid-cols-4'>
      <Figure
        label='Running'
        value={String(running)}
        note={`${jobs.queued ?? 0} queued`}
        icon='activity'
        href='/jobs?status=processing'
      />
      <Figure
        label='Completed'
        value={String(jobs_24h.completed)}
        note={jobs_24h.average_seconds === null
          ? lastDay
          : `${lastDay}, ${formatDuration(jobs_24h.average_seconds)} each`}
        icon='circle-check'
        href='/jobs?status=completed'
      />
      <Figure
        label='Failed'
        value={String(jobs_24h.failed)}
        note={lastDay}
        icon='circle-alert'
        href='/jobs?status=failed'
      />
      <Figure
        label='Output'
        value={formatBytes(jobs_24h.bytes_out)}
        note={lastDay}
        icon='layers'
        href='/jobs?status=completed'
      />
    </div>
  )
}

function RecentJobs({ view }: { view: DashboardView }) {
  if (view.recent.length === 0 && view.running.length > 0) return null
  if (view.recent.length === 0) {
    return (
      <Panel title='Recent jobs'>
        <Empty
          icon='film'
          title='Nothing encoded yet'
          action={view.canCreate && <NewJobLink />}
        >
          Drop in a video, choose a profile, and watch its chunks being encoded side by side.
        </Empty>
      </Panel>
    )
  }
  return (
    <Panel title='Recent jobs' flush action={<a class='link text-sm' href='/jobs'>All jobs</a>}>
      <JobTable jobs={view.recent} now={view.now} />
    </Panel>
  )
}

function StoragePanel({ usage }: { usage: StorageUsage }) {
  const total = usage.usedBytes + usage.freeBytes
  const percent = total === 0 ? 0 : (100 * usage.usedBytes) / total
  return (
    <Panel title='Storage'>
      <div class='flex flex-col gap-2.5'>
        <div class='flex items-baseline justify-between'>
          <span class='text-lg font-semibold tabular-nums'>
            {formatBytes(usage.freeBytes)} free
          </span>
          <span class='text-muted-foreground tabular-nums'>{formatPercent(percent)} used</span>
        </div>
        <ProgressBar
          percent={percent}
          label='Storage in use'
          tone={percent > 90 ? 'danger' : percent > 80 ? 'warning' : 'active'}
        />
        <span class='text-muted-foreground'>
          {formatBytes(usage.usedBytes)} of {formatBytes(total)}
        </span>
        <dl class='mt-1 flex flex-col gap-1.5 border-t border-border pt-3'>
          {usage.groups.map(({ name, bytes, keptFor }) => (
            <div class='flex items-baseline justify-between gap-3'>
              <dt class='text-muted-foreground'>{name}, kept {keptFor}</dt>
              <dd class='whitespace-nowrap tabular-nums'>{formatBytes(bytes)}</dd>
            </div>
          ))}
        </dl>
      </div>
    </Panel>
  )
}

function NewJobLink() {
  return (
    <a class='btn' href='/jobs/new'>
      <Icon name='plus' />
      New job
    </a>
  )
}
