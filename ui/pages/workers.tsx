/** The workers: who is there, what they can do and how busy they are. */
import type { WorkerView } from '../../kernel/contract/job.ts'
import { AddWorker, type Joining } from '../components/add-worker.tsx'
import { formatCount } from '../components/format.ts'
import { liveAttributes } from '../components/live.ts'
import { Empty, PageHeading } from '../components/panels.tsx'
import type { WorkerRights } from '../components/worker-actions.tsx'
import { WorkerTable } from '../components/worker-list.tsx'

/** Everything that the page shows. */
export interface WorkersView {
  readonly workers: readonly WorkerView[]
  readonly rights: WorkerRights
  /** Absent for readers who may not let workers in. */
  readonly joining: Joining | undefined
  readonly now: number
}

/** The whole page. */
export function WorkersPage({ view }: { view: WorkersView }) {
  return (
    <>
      <PageHeading
        title='Workers'
        description='A worker takes as many tasks at once as it has slots.'
      />
      <div class='flex flex-col gap-5'>
        {view.joining?.made !== undefined && <Adding view={view} />}
        <WorkersLive view={view} />
        {view.joining?.made === undefined && <Adding view={view} />}
      </div>
    </>
  )
}

function Adding({ view: { joining, rights, now } }: { view: WorkersView }) {
  return joining === undefined
    ? null
    : <AddWorker joining={joining} csrfToken={rights.csrfToken} now={now} />
}

/** The part that changes by itself. */
export function WorkersLive({ view: { workers, rights, now } }: { view: WorkersView }) {
  return (
    <section
      id='workers'
      class={`card ${workers.length === 0 ? '' : 'gap-2 pb-1'}`}
      aria-label='Workers'
      {...liveAttributes('/workers/live', 'workers:list')}
    >
      {workers.length === 0
        ? (
          <Empty icon='server' title='No worker has joined yet'>
            A worker appears here within seconds after it was started.
          </Empty>
        )
        : (
          <>
            <header>
              <h2>{headlineOf(workers)}</h2>
            </header>
            <WorkerTable workers={workers} now={now} rights={rights} />
          </>
        )}
    </section>
  )
}

/** `3 workers online · 5 of 12 slots in use`. */
function headlineOf(workers: readonly WorkerView[]): string {
  const online = workers.filter((worker) => worker.status !== 'offline')
  const slots = online.reduce((sum, worker) => sum + worker.slots, 0)
  const running = online.reduce((sum, worker) => sum + worker.tasks_running, 0)
  return `${formatCount(online.length, 'worker')} online · ${running} of ${
    formatCount(slots, 'slot')
  } in use`
}
