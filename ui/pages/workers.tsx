/** The workers: who is there, what they can do and how busy they are. */
import type { WorkerView } from '../../kernel/contract/job.ts'
import { formatCount } from '../components/format.ts'
import { liveAttributes } from '../components/live.ts'
import { Empty, PageHeading } from '../components/panels.tsx'
import { WorkerTable } from '../components/worker-list.tsx'

/** Everything that the page shows. */
export interface WorkersView {
  readonly workers: readonly WorkerView[]
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
      <WorkersLive view={view} />
    </>
  )
}

/** The part that changes by itself. */
export function WorkersLive({ view: { workers, now } }: { view: WorkersView }) {
  const online = workers.filter((worker) => worker.status !== 'offline').length
  return (
    <section
      id='workers'
      class={`card ${workers.length === 0 ? '' : 'pb-1'}`}
      aria-label='Workers'
      {...liveAttributes('/workers/live', 'dashboard:stats')}
    >
      {workers.length === 0
        ? (
          <Empty icon='server' title='No worker has joined yet'>
            Start one with <code class='font-mono'>webencode worker</code>{' '}
            and it appears here within seconds.
          </Empty>
        )
        : (
          <>
            <header>
              <h2>{formatCount(online, 'worker')} online</h2>
            </header>
            <WorkerTable workers={workers} now={now} />
          </>
        )}
    </section>
  )
}
