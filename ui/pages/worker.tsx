/** The page of one worker: its tasks, its machine, its load and its history. */
import type { JobEventView, TaskView, WorkerView } from '../../kernel/contract/job.ts'
import {
  listWorkerEvents,
  listWorkerTasks,
  readWorkerDay,
  type WorkerDay,
} from '../../kernel/db/worker-page.ts'
import { readWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { formatBytes, formatCount, formatDuration } from '../components/format.ts'
import { liveAttributes } from '../components/live.ts'
import { Facts, Panel } from '../components/panels.tsx'
import { WorkerBadge } from '../components/status.tsx'
import { Time } from '../components/time.tsx'
import { StepList } from '../components/timeline.tsx'
import { WorkerActions, type WorkerRights } from '../components/worker-actions.tsx'
import {
  capabilitiesOf,
  cpuOf,
  encoderOf,
  gpuNames,
  memoryOf,
  SlotsBar,
  uptimeOf,
  workerPath,
} from '../components/worker-list.tsx'
import { WorkerTasks } from '../components/worker-tasks.tsx'
import { workerStepFrom } from '../components/worker-timeline.ts'
import type { UiDeps } from '../deps.ts'

/** Everything that the page shows. */
export interface WorkerPageView {
  readonly worker: WorkerView
  readonly tasks: readonly TaskView[]
  readonly events: readonly JobEventView[]
  readonly day: WorkerDay
  readonly rights: WorkerRights
  readonly now: number
}

const taskLimit = 20
const eventLimit = 50

/** Reads a worker with all that belongs to it. @throws WE-WRK-001 */
export async function loadWorker(
  { db, clock }: Pick<UiDeps, 'db' | 'clock'>,
  id: string,
  rights: WorkerRights,
): Promise<WorkerPageView> {
  const [worker, tasks, events, day] = await Promise.all([
    readWorker(db, id),
    listWorkerTasks(db, id, taskLimit),
    listWorkerEvents(db, id, eventLimit),
    readWorkerDay(db, id),
  ])
  if (worker === undefined) throw new WebEncodeError('WE-WRK-001', `There is no worker "${id}"`)
  return { worker, tasks, events, day, rights, now: clock.now() }
}

/** The page, which is live as a whole. */
export function WorkerPage({ view }: { view: WorkerPageView }) {
  const { worker, tasks, events, rights, now } = view
  return (
    <div
      id='worker'
      class='flex flex-col gap-5'
      {...liveAttributes(`${workerPath(worker.id)}/live`, `worker:${worker.id}:updates`)}
    >
      <div class='flex flex-wrap items-start justify-between gap-x-6 gap-y-3'>
        <div class='min-w-0'>
          <nav aria-label='Breadcrumb' class='mb-1 text-xs text-muted-foreground'>
            <a class='hover:text-foreground hover:underline' href='/workers'>Workers</a> /{' '}
            <span class='font-mono'>{worker.id}</span>
          </nav>
          <div class='flex flex-wrap items-center gap-3'>
            <h1 class='min-w-0 text-xl font-semibold tracking-tight break-words'>{worker.id}</h1>
            <WorkerBadge worker={worker} />
          </div>
          <p class='mt-1 text-muted-foreground'>{sentenceOf(worker)}</p>
        </div>
        <WorkerActions worker={worker} rights={rights} />
      </div>
      <div class='grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]'>
        <div class='flex min-w-0 flex-col gap-5'>
          <Panel title='Tasks' flush={tasks.length > 0}>
            {tasks.length === 0
              ? <p class='text-muted-foreground'>It has not had a task yet.</p>
              : <WorkerTasks tasks={tasks} now={now} />}
          </Panel>
          <Panel title='History'>
            <StepList events={events} stepOf={workerStepFrom} now={now} />
          </Panel>
        </div>
        <div class='grid gap-5 md:grid-cols-2 xl:grid-cols-1'>
          <Panel title='Load'>
            <Load view={view} />
          </Panel>
          <Panel title='Process'>
            <ProcessFacts view={view} />
          </Panel>
          <Panel title='Machine'>
            <MachineFacts worker={worker} />
          </Panel>
        </div>
      </div>
    </div>
  )
}

/** What the worker does, and what comes next. */
function sentenceOf({ status, command, tasks_running }: WorkerView): string {
  if (status === 'offline') {
    return command === 'drain'
      ? 'It is gone, and takes no work when it comes back until it is undrained.'
      : 'It is gone, and works again as soon as it comes back.'
  }
  const rest = tasks_running === 0 ? '' : `finishes ${formatCount(tasks_running, 'task')}, and `
  switch (command) {
    case 'work':
      return tasks_running === 0
        ? 'It waits for work.'
        : `It works on ${formatCount(tasks_running, 'task')}.`
    case 'drain':
      return `It ${rest}takes nothing new until it is undrained.`
    case 'restart':
      return `It ${rest}begins anew.`
    case 'leave':
      return `It ${rest}goes for good.`
  }
}

function Load({ view: { worker, day } }: { view: WorkerPageView }) {
  return (
    <div class='flex flex-col gap-4'>
      <SlotsBar worker={worker} />
      <Facts
        facts={[
          ['Processor', cpuOf(worker)],
          ['Memory', memoryOf(worker)],
          ['Done in 24 h', formatCount(day.completed, 'task')],
          [
            'Average task',
            day.averageSeconds === null ? null : formatDuration(day.averageSeconds),
          ],
        ]}
      />
    </div>
  )
}

function ProcessFacts({ view: { worker, now } }: { view: WorkerPageView }) {
  return (
    <Facts
      facts={[
        ['Region', worker.region],
        ['Version', worker.version],
        ['Up', uptimeOf(worker, now)],
        ['Heard of', <Time at={worker.last_heartbeat} now={now} />],
        ['First joined', <Time at={worker.joined_at} now={now} />],
      ]}
    />
  )
}

function MachineFacts({ worker }: { worker: WorkerView }) {
  const { cores, memoryBytes, gpu, lanes, videoCodecs } = capabilitiesOf(worker)
  const hardware = videoCodecs?.filter((name) => /_(nvenc|qsv|vaapi|amf)$/.test(name)) ?? []
  return (
    <Facts
      facts={[
        ['Host', worker.hostname],
        ['Cores', cores ?? null],
        ['Memory', memoryBytes === undefined ? null : formatBytes(memoryBytes)],
        ['Encoder', encoderOf(worker).split(' · ')[0] ?? null],
        ['GPU', gpu === undefined ? null : gpuNames[gpu]],
        ['On the GPU', hardware.length === 0 ? null : hardware.join(', ')],
        ['Lanes', lanes?.join(', ') ?? null],
        [
          'Encoder plugins',
          worker.encoders?.map(({ id, version }) => `${id} ${version}`).join(', ') ?? null,
        ],
      ]}
    />
  )
}
