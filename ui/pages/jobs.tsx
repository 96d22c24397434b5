/** The list of jobs: filter, search, sort, pages of 20. */
import { z } from 'zod'
import { type JobStatus, jobStatuses } from '../../kernel/contract/job.ts'
import { jobSorts } from '../../kernel/db/job-cursor.ts'
import { type JobPage, listJobs } from '../../kernel/db/jobs.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { Icon } from '../components/icons.tsx'
import { liveAttributes } from '../components/live.ts'
import { JobTable, topicsOf } from '../components/job-list.tsx'
import { Empty, PageHeading } from '../components/panels.tsx'
import { labelOfJob } from '../components/status.tsx'

/** Jobs of one page. */
const pageSize = 20

const sortChoices = {
  newest: { label: 'Newest first', sort: 'created_at', order: 'desc' },
  oldest: { label: 'Oldest first', sort: 'created_at', order: 'asc' },
  progress: { label: 'Most progress', sort: 'progress_pct', order: 'desc' },
  eta: { label: 'Done soonest', sort: 'eta_seconds', order: 'asc' },
} as const satisfies Record<
  string,
  { label: string; sort: (typeof jobSorts)[number]; order: string }
>

type SortChoice = keyof typeof sortChoices
const sortNames = Object.keys(sortChoices) as SortChoice[]

/** The query of the list; what is not understood counts as not given. */
const querySchema = z.object({
  status: z.enum(jobStatuses).optional().catch(undefined),
  q: z.string().trim().max(200).catch('').default(''),
  sort: z.enum(sortNames).catch('newest').default('newest'),
  cursor: z.string().max(1000).optional().catch(undefined),
})
export type JobsQuery = z.infer<typeof querySchema>

/** Everything that the list shows. */
export interface JobsView {
  readonly query: JobsQuery
  readonly page: JobPage
  readonly canCreate: boolean
  readonly now: number
}

/** The list's query from the address of the page. */
export function jobsQueryFrom(query: Record<string, string>): JobsQuery {
  return querySchema.parse(query)
}

/** Reads one page of the list. @throws WE-JOB-001 when the cursor belongs to another sort */
export async function loadJobs(
  db: Reader,
  query: JobsQuery,
  now: number,
  canCreate: boolean,
): Promise<JobsView> {
  const { sort, order } = sortChoices[query.sort]
  const found = await listJobs(db, {
    limit: pageSize,
    sort,
    order,
    search: query.q,
    ...(query.status && { status: statusesOf(query.status) }),
    ...(query.cursor !== undefined && { cursor: query.cursor }),
  })
  return { query, page: found, canCreate, now }
}

/** For people, joining the chunks and writing the result are parts of processing. */
function statusesOf(status: JobStatus): JobStatus | readonly JobStatus[] {
  return status === 'processing' ? ['processing', 'stitching', 'uploading'] : status
}

/** The whole page. */
export function JobsPage({ view }: { view: JobsView }) {
  return (
    <>
      <PageHeading title='Jobs'>
        {view.canCreate && (
          <a class='btn' href='/jobs/new'>
            <Icon name='plus' />
            New job
          </a>
        )}
      </PageHeading>
      <div class='card gap-0 py-0'>
        <div class='flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-b border-border px-5 py-3'>
          <StatusTabs query={view.query} />
          <SearchForm query={view.query} />
        </div>
        <JobsLive view={view} />
      </div>
    </>
  )
}

/** The part that changes by itself. */
export function JobsLive({ view }: { view: JobsView }) {
  const { jobs, nextCursor } = view.page
  return (
    <div
      id='jobs'
      {...liveAttributes(addressOf('/jobs/live', view.query, {}), topicsOf(jobs))}
    >
      {jobs.length === 0 ? <NoJobs view={view} /> : <JobTable jobs={jobs} now={view.now} />}
      {(nextCursor !== null || view.query.cursor !== undefined) && (
        <nav
          aria-label='Pages'
          class='flex items-center justify-between border-t border-border px-5 py-3'
        >
          {view.query.cursor === undefined ? <span /> : (
            <a
              class='btn'
              data-variant='outline'
              data-size='sm'
              href={addressOf('/jobs', view.query, { cursor: undefined })}
            >
              <Icon name='arrow-left' />
              First page
            </a>
          )}
          {nextCursor === null ? <span /> : (
            <a
              class='btn'
              data-variant='outline'
              data-size='sm'
              href={addressOf('/jobs', view.query, { cursor: nextCursor })}
              rel='next'
            >
              Next page
              <Icon name='arrow-right' />
            </a>
          )}
        </nav>
      )}
    </div>
  )
}

function StatusTabs({ query }: { query: JobsQuery }) {
  const tabs: (JobStatus | undefined)[] = [
    undefined,
    'queued',
    'processing',
    'completed',
    'failed',
    'cancelled',
  ]
  return (
    <nav aria-label='Status' class='-mx-2 flex flex-wrap gap-0.5'>
      {tabs.map((status) => (
        <a
          href={addressOf('/jobs', query, { status, cursor: undefined })}
          aria-current={query.status === status ? 'true' : undefined}
          class='rounded-md px-2.5 py-1.5 font-medium text-muted-foreground hover:text-foreground aria-[current=true]:bg-muted aria-[current=true]:text-foreground'
        >
          {status === undefined ? 'All' : labelOfJob(status)}
        </a>
      ))}
    </nav>
  )
}

function SearchForm({ query }: { query: JobsQuery }) {
  return (
    <form method='get' action='/jobs' role='search' class='flex flex-1 gap-2 sm:max-w-md'>
      {query.status && <input type='hidden' name='status' value={query.status} />}
      <label class='relative min-w-0 flex-1'>
        <span class='sr-only'>Search by id or source</span>
        <Icon
          name='search'
          class='pointer-events-none absolute start-2.5 top-2.5 size-4 text-muted-foreground'
        />
        <input
          class='input ps-8'
          type='search'
          name='q'
          value={query.q}
          placeholder='Id or source'
          autocomplete='off'
        />
      </label>
      <label>
        <span class='sr-only'>Order</span>
        <select class='select' name='sort' data-submit>
          {sortNames.map((name) => (
            <option value={name} selected={name === query.sort}>{sortChoices[name].label}</option>
          ))}
        </select>
      </label>
      <button type='submit' class='btn sr-only focus:not-sr-only' data-variant='outline'>
        Search
      </button>
    </form>
  )
}

function NoJobs({ view }: { view: JobsView }) {
  const isFiltered = view.query.q !== '' || view.query.status !== undefined
  if (isFiltered || view.query.cursor !== undefined) {
    return (
      <Empty
        icon='search'
        title='No jobs match'
        action={<a class='btn' data-variant='outline' href='/jobs'>Show all jobs</a>}
      >
        Try another word or status.
      </Empty>
    )
  }
  return (
    <Empty
      icon='film'
      title='No jobs yet'
      action={view.canCreate && <a class='btn' href='/jobs/new'>Create the first job</a>}
    >
      A job takes one source and one profile, and makes one verified file.
    </Empty>
  )
}

/** The address of the list with some of its query changed. */
export function addressOf(
  path: string,
  query: JobsQuery,
  changes: { [Key in keyof JobsQuery]?: JobsQuery[Key] | undefined },
): string {
  const { status, q, sort, cursor } = { ...query, ...changes }
  const params = new URLSearchParams()
  if (status) params.set('status', status)
  if (q) params.set('q', q)
  if (sort && sort !== 'newest') params.set('sort', sort)
  if (cursor) params.set('cursor', cursor)
  const text = params.toString()
  return text === '' ? path : `${path}?${text}`
}
