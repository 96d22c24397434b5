/** The page of one job: how far it is, its chunks, tasks and timeline, and its result. */
import {
  endedJobStatuses,
  type JobEventView,
  type JobView,
  type TaskView,
} from '../../kernel/contract/job.ts'
import type { OutputFile } from '../../kernel/contract/task.ts'
import { listJobEvents, readJob, readJobOutputs, readJobReport } from '../../kernel/db/jobs.ts'
import { listTasks } from '../../kernel/db/tasks.ts'
import { readWaitReason } from '../../kernel/db/wait-reason.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { UiDeps } from '../deps.ts'
import { ConfirmButton } from '../components/forms.tsx'
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatSpeed,
  nameOfSource,
  placeOfSource,
} from '../components/format.ts'
import { Icon } from '../components/icons.tsx'
import {
  FailureCard,
  type JobReport,
  MediaFacts,
  OutputList,
  paceSentence,
  Player,
  ReportFacts,
  Steps,
  VerifiedSentence,
} from '../components/job-parts.tsx'
import { liveAttributes } from '../components/live.ts'
import { CopyText, Facts, Panel } from '../components/panels.tsx'
import { ChunkStrip, ProgressBar } from '../components/progress.tsx'
import { JobBadge, phaseSentences, toneOfJob } from '../components/status.tsx'
import { shortList, TaskTable } from '../components/task-table.tsx'
import { Time } from '../components/time.tsx'
import { Timeline } from '../components/timeline.tsx'

/** Everything that the page shows. */
export interface JobPageView {
  readonly job: JobView
  /** Why work of it waits that no worker can do now. */
  readonly waitReason: string | null
  readonly tasks: readonly TaskView[]
  readonly events: readonly JobEventView[]
  readonly outputs: readonly OutputFile[]
  readonly report: JobReport | undefined
  /** Every task, and not only those that matter now. */
  readonly showsAllTasks: boolean
  /** Token for the forms; absent for a reader who may not act. */
  readonly csrfToken: string | undefined
  readonly now: number
}

/** Steps that the timeline shows. */
const eventLimit = 200

/** Reads a job with all that belongs to it. @throws WE-JOB-004 */
export async function loadJob(
  { db, clock, hasEncoderRules = true }: Pick<UiDeps, 'db' | 'clock' | 'hasEncoderRules'>,
  id: string,
  reader: Pick<JobPageView, 'csrfToken' | 'showsAllTasks'>,
): Promise<JobPageView> {
  const job = await readJob(db, id)
  if (job === undefined) throw new WebEncodeError('WE-JOB-004', `There is no job "${id}"`)
  const [waitReason, tasks, events, outputs, report] = await Promise.all([
    readWaitReason(db, job, hasEncoderRules),
    listTasks(db, id),
    listJobEvents(db, id, eventLimit),
    readJobOutputs(db, id),
    readJobReport(db, id),
  ])
  return { job, waitReason, tasks, events, outputs, report, ...reader, now: clock.now() }
}

/** The page, which is live as a whole. A job that ended does not change any more. */
export function JobPage({ view }: { view: JobPageView }) {
  const { job } = view
  const isEnded = endedJobStatuses.includes(job.status)
  const url = `/jobs/${job.id}/live${view.showsAllTasks ? '?tasks=all' : ''}`
  return (
    <div
      id='job'
      class='flex flex-col gap-5'
      {...(isEnded ? {} : liveAttributes(url, topicsOf(view)))}
    >
      <Heading view={view} />
      {job.error && job.status === 'failed' && <FailureCard error={job.error} />}
      {view.waitReason !== null && <WaitNotice reason={view.waitReason} />}
      {job.warnings.length > 0 && <Warnings warnings={job.warnings} />}
      {!isEnded && <ProgressCard view={view} />}
      <div class='grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]'>
        <div class='flex min-w-0 flex-col gap-5'>
          {job.status === 'completed' && <Result view={view} />}
          <Chunks tasks={view.tasks} />
          <Tasks view={view} />
        </div>
        <div class='grid gap-5 md:grid-cols-2 xl:grid-cols-1'>
          <Panel title='Job'>
            <JobFacts view={view} />
          </Panel>
          {job.media && (
            <Panel title='Source'>
              <MediaFacts media={job.media} />
            </Panel>
          )}
          {view.report && (
            <Panel title='Verification'>
              <ReportFacts report={view.report} />
            </Panel>
          )}
          <Panel title='Timeline'>
            <Timeline
              jobId={job.id}
              events={view.events}
              now={view.now}
            />
          </Panel>
        </div>
      </div>
    </div>
  )
}

/** While nobody works on it, the job waits for workers, and their coming and going changes what is said. */
function topicsOf({ job, tasks }: JobPageView): string {
  const own = `job:${job.id}:updates`
  const isHeld = tasks.some(({ status }) => status === 'ready') &&
    !tasks.some(({ status }) => status === 'running')
  return isHeld ? `${own} workers:list` : own
}

function Heading({ view }: { view: JobPageView }) {
  const { job } = view
  return (
    <div class='flex flex-wrap items-start justify-between gap-x-6 gap-y-3'>
      <div class='min-w-0'>
        <nav aria-label='Breadcrumb' class='mb-1 text-xs text-muted-foreground'>
          <a class='hover:text-foreground hover:underline' href='/jobs'>Jobs</a> /{' '}
          <span class='font-mono' title={job.id}>{job.id.slice(0, 8)}</span>
        </nav>
        <div class='flex flex-wrap items-center gap-3'>
          <h1 class='min-w-0 text-xl font-semibold tracking-tight break-words'>
            {nameOfSource(job.source_url)}
          </h1>
          <JobBadge status={job.status} />
        </div>
        <p class='mt-1 text-muted-foreground [overflow-wrap:anywhere]'>
          {placeOfSource(job.source_url)} · {job.profile}
        </p>
      </div>
      {view.csrfToken !== undefined && <Actions job={job} csrfToken={view.csrfToken} />}
    </div>
  )
}

function Actions({ job, csrfToken }: { job: JobView; csrfToken: string }) {
  const isEnded = endedJobStatuses.includes(job.status)
  return (
    <div class='flex flex-wrap gap-2'>
      {isEnded
        ? (
          <ConfirmButton
            id='confirm-retry'
            action={`/jobs/${job.id}/retry`}
            csrfToken={csrfToken}
            icon='rotate-ccw'
            label='Run again'
            question='Run this job again?'
            consequence='A new job with the same source and profile is created. This one stays as it is.'
            confirmLabel='Run again'
          />
        )
        : (
          <ConfirmButton
            id='confirm-cancel'
            action={`/jobs/${job.id}/cancel`}
            csrfToken={csrfToken}
            icon='circle-x'
            label='Cancel'
            question='Cancel this job?'
            consequence='Its workers stop at once, and the chunks that are done are thrown away.'
            confirmLabel='Cancel the job'
            variant='outline'
          />
        )}
      <ConfirmButton
        id='confirm-delete'
        action={`/jobs/${job.id}/delete`}
        csrfToken={csrfToken}
        icon='trash'
        label='Delete'
        question='Delete this job?'
        consequence='Its output files, logs and history are deleted for good. The source is not touched.'
        confirmLabel='Delete for good'
        variant='danger'
      />
    </div>
  )
}

function ProgressCard({ view: { job, tasks } }: { view: JobPageView }) {
  const running = tasks.filter((task) => task.status === 'running')
  const pace = paceSentence(running)
  return (
    <section class='card' aria-label='Progress'>
      <section class='flex flex-col gap-5'>
        <Steps phase={job.phase} />
        <div class='flex flex-col gap-2.5'>
          <div class='flex items-baseline justify-between gap-4'>
            <span class='flex min-w-0 flex-wrap items-baseline gap-x-3'>
              <span class='text-3xl font-semibold tracking-tight whitespace-nowrap tabular-nums'>
                {formatPercent(job.progress_pct)}
              </span>
              <span class='text-muted-foreground' role='status'>{phaseSentences[job.phase]}</span>
            </span>
            {job.eta_seconds !== null && (
              <span class='font-medium whitespace-nowrap tabular-nums'>
                {formatDuration(job.eta_seconds)} left
              </span>
            )}
          </div>
          <ProgressBar
            percent={job.progress_pct}
            label='Progress of the job'
            tone={toneOfJob(job.status)}
            size='lg'
          />
          <div class='flex min-h-5 flex-wrap justify-between gap-x-4 text-muted-foreground tabular-nums'>
            <span>
              {job.tasks_total > 0 &&
                `${job.tasks_completed} of ${formatCount(job.tasks_total, 'task')} done`}
              {running.length > 0 && ` · ${running.length} running`}
            </span>
            <span>{pace}</span>
          </div>
        </div>
      </section>
    </section>
  )
}

function Result({ view: { job, outputs, report } }: { view: JobPageView }) {
  const playable = outputs.find((output) => /^(video|audio)\//.test(output.contentType))
  return (
    <Panel title='Result'>
      <div class='flex flex-col gap-5'>
        {playable && <Player jobId={job.id} output={playable} />}
        {report && <VerifiedSentence report={report} />}
        <OutputList jobId={job.id} outputs={outputs} />
      </div>
    </Panel>
  )
}

function Chunks({ tasks }: { tasks: readonly TaskView[] }) {
  const chunks = tasks.filter((task) => task.kind === 'encode')
  if (chunks.length === 0) return null
  return (
    <Panel
      title='Chunks'
      description={`${formatCount(chunks.length, 'chunk')}, in the order of the video`}
    >
      <ChunkStrip chunks={chunks} />
    </Panel>
  )
}

function Tasks({ view }: { view: JobPageView }) {
  const shown = view.showsAllTasks ? view.tasks : shortList(view.tasks)
  const isShortened = shown.length < view.tasks.length
  return (
    <Panel
      title='Tasks'
      flush
      action={isShortened
        ? <a class='link' href={`/jobs/${view.job.id}?tasks=all`}>Show all {view.tasks.length}</a>
        : undefined}
    >
      {view.tasks.length === 0
        ? <p class='px-5 pb-4 text-muted-foreground'>The first task is about to be made.</p>
        : (
          <TaskTable
            tasks={shown}
            csrfToken={endedJobStatuses.includes(view.job.status) ? undefined : view.csrfToken}
          />
        )}
    </Panel>
  )
}

function JobFacts({ view: { job, now } }: { view: JobPageView }) {
  const endMs = job.finished_at === null ? now : Date.parse(job.finished_at)
  return (
    <Facts
      facts={[
        ['Profile', <a class='link' href={`/profiles#${job.profile}`}>{job.profile}</a>],
        ['Id', <CopyText text={job.id} shown={job.id.slice(0, 8)} />],
        ['Priority', job.priority === 0 ? null : String(job.priority)],
        ['Created', <Time at={job.created_at} now={now} />],
        [
          job.finished_at === null ? 'Running for' : 'Took',
          job.started_at === null
            ? null
            : formatDuration((endMs - Date.parse(job.started_at)) / 1000),
        ],
        ['Pace', averagePace(job)],
        [
          'Repeats',
          job.retry_of === null
            ? null
            : (
              <a class='link font-mono text-xs' href={`/jobs/${job.retry_of}`}>
                {job.retry_of.slice(0, 8)}
              </a>
            ),
        ],
      ]}
    />
  )
}

/** The length of a completed job's source over the time it took. */
function averagePace({ status, media, started_at, finished_at }: JobView): string | null {
  const seconds = media?.['duration_seconds']
  if (status !== 'completed' || started_at === null || finished_at === null) return null
  const tookSeconds = (Date.parse(finished_at) - Date.parse(started_at)) / 1000
  if (typeof seconds !== 'number' || tookSeconds <= 0) return null
  return `${formatSpeed(seconds / tookSeconds)} real time`
}

function WaitNotice({ reason }: { reason: string }) {
  return (
    <section
      class='flex items-start gap-2.5 rounded-lg bg-warning/10 px-4 py-3'
      aria-label='Why it waits'
    >
      <Icon name='timer' class='mt-0.5 size-4 text-warning-text' />
      <p>{reason} The job goes on by itself when one comes that can.</p>
    </section>
  )
}

function Warnings({ warnings }: { warnings: readonly string[] }) {
  return (
    <section class='rounded-lg bg-warning/10 px-4 py-3' aria-label='Warnings'>
      <ul class='flex flex-col gap-1.5'>
        {warnings.map((warning) => (
          <li class='flex items-start gap-2.5'>
            <Icon name='triangle-alert' class='mt-0.5 size-4 text-warning-text' />
            {warning}
          </li>
        ))}
      </ul>
    </section>
  )
}
