/** Jobs in lists: the table with its rows, and the compact list of running ones. */
import type { JobView } from '../../kernel/contract/job.ts'
import { endedJobStatuses } from '../../kernel/contract/job.ts'
import { type Column, DataTable } from './data-table.tsx'
import { formatDuration, formatPercent, nameOfSource } from './format.ts'
import { ProgressBar } from './progress.tsx'
import { JobBadge, phaseSentences, titleOfError, toneOfJob } from './status.tsx'
import { Time } from './time.tsx'

/** Topics that change what a list of these jobs shows. */
export function topicsOf(jobs: readonly JobView[]): string {
  const running = jobs.filter((job) => !endedJobStatuses.includes(job.status))
  return ['dashboard:stats', ...running.map((job) => `job:${job.id}:updates`)].join(' ')
}

const jobColumns: readonly Column[] = [
  'Source',
  'Status',
  ['Progress', 'hidden w-[22%] sm:table-cell'],
  ['Created', 'hidden text-end sm:table-cell'],
]

/** A table of jobs; on small screens a row becomes two lines. */
export function JobTable({ jobs, now }: { jobs: readonly JobView[]; now: number }) {
  return (
    <div class='@container'>
      <DataTable columns={jobColumns}>
        {jobs.map((job) => <JobRow job={job} now={now} />)}
      </DataTable>
    </div>
  )
}

function JobRow({ job, now }: { job: JobView; now: number }) {
  return (
    <tr id={`job-${job.id}`} class='relative'>
      <td class='w-full max-w-0'>
        <a
          href={`/jobs/${job.id}`}
          class='block truncate font-medium after:absolute after:inset-0'
          title={job.source_url}
        >
          {nameOfSource(job.source_url)}
        </a>
        <span class='block truncate text-xs text-muted-foreground'>
          {job.profile} · <span class='font-mono'>{job.id.slice(0, 8)}</span>
        </span>
        <span class='mt-1 block sm:hidden'>
          {(job.status === 'failed' || !endedJobStatuses.includes(job.status)) && (
            <JobProgress job={job} />
          )}
        </span>
      </td>
      <td>
        <JobBadge status={job.status} />
      </td>
      <td class='hidden sm:table-cell'>
        <JobProgress job={job} />
      </td>
      <td class='hidden text-end text-muted-foreground sm:table-cell'>
        <Time at={job.created_at} now={now} />
      </td>
    </tr>
  )
}

function JobProgress({ job }: { job: JobView }) {
  if (endedJobStatuses.includes(job.status)) {
    return (
      <span class='block max-w-40 truncate @3xl:max-w-72 text-muted-foreground max-sm:text-xs'>
        {endedSentence(job)}
      </span>
    )
  }
  if (job.status === 'queued') {
    return <span class='text-xs text-muted-foreground'>{progressSentence(job)}</span>
  }
  return (
    <div class='flex min-w-28 flex-col gap-1.5'>
      <ProgressBar
        percent={job.progress_pct}
        tone={toneOfJob(job.status)}
        label={`Progress of ${nameOfSource(job.source_url)}`}
      />
      <span class='text-xs text-muted-foreground tabular-nums'>{progressSentence(job)}</span>
    </div>
  )
}

/** `42 % · 3 min left`, or what the job waits for. */
export function progressSentence(job: JobView): string {
  if (job.status === 'queued') return phaseSentences.queued
  if (job.eta_seconds === null) {
    return `${formatPercent(job.progress_pct)} · ${phaseSentences[job.phase]}`
  }
  return `${formatPercent(job.progress_pct)} · ${formatDuration(job.eta_seconds)} left`
}

/** Why it failed, or how long it took. */
function endedSentence(job: JobView): string {
  if (job.status === 'failed' && job.error !== null) return titleOfError(job.error)
  if (job.started_at === null || job.finished_at === null) return '—'
  const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
  return job.status === 'completed'
    ? `took ${formatDuration(seconds)}`
    : `after ${formatDuration(seconds)}`
}

/** Running jobs, one below the other. */
export function RunningJobs({ jobs }: { jobs: readonly JobView[] }) {
  return (
    <ul class='flex flex-col divide-y divide-border'>
      {jobs.map((job) => (
        <li id={`running-${job.id}`} class='relative flex flex-col gap-2 py-3 first:pt-0 last:pb-0'>
          <div class='flex items-baseline justify-between gap-4'>
            <a
              href={`/jobs/${job.id}`}
              class='min-w-0 truncate font-medium after:absolute after:inset-0'
            >
              {nameOfSource(job.source_url)}
            </a>
            <span class='shrink-0 text-xs text-muted-foreground tabular-nums'>
              {progressSentence(job)}
            </span>
          </div>
          <ProgressBar
            percent={job.progress_pct}
            tone={toneOfJob(job.status)}
            label={`Progress of ${nameOfSource(job.source_url)}`}
          />
          <span class='text-xs text-muted-foreground'>
            {job.profile} · {phaseSentences[job.phase].toLowerCase()}
            {job.tasks_total > 0 && ` · ${job.tasks_completed} of ${job.tasks_total} tasks`}
          </span>
        </li>
      ))}
    </ul>
  )
}
