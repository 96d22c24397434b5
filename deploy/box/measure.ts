/** Feeds the metrics from what the parts of the box announce and count. */
import type { EngineStats } from '../../actors/engine/engine.ts'
import type { Bus, Message, Subscription } from '../../kernel/bus/bus.ts'
import { allJobEvents } from '../../kernel/bus/subjects.ts'
import { listDemand } from '../../kernel/db/demand.ts'
import type { Database } from '../../kernel/db/database.ts'
import { readJob } from '../../kernel/db/jobs.ts'
import { listTasks } from '../../kernel/db/tasks.ts'
import { listWorkers, listWorkerTransfers } from '../../kernel/db/workers.ts'
import type { Metrics } from '../../kernel/metrics.ts'

interface MeasuredParts {
  readonly metrics: Metrics
  readonly bus: Bus
  readonly db: Database
  readonly engineStats: () => EngineStats
}

/** Starts counting ended jobs, and fills the gauges when somebody looks. */
export async function measureBox(
  { metrics, bus, db, engineStats }: MeasuredParts,
): Promise<Subscription> {
  let shown: ReadonlySet<string> = new Set()
  metrics.beforeScrape(async () => {
    metrics.queueDepth('engine', engineStats().waiting)
    const demand = await listDemand(db)
    metrics.demand(demand)
    metrics.queueDepth('ready_tasks', demand.reduce((sum, lane) => sum + lane.ready_tasks, 0))
    const online = (await listWorkers(db)).filter(({ status }) => status !== 'offline')
    for (const worker of online) {
      metrics.workerUsage(worker.id, {
        cpuPercent: worker.cpu_percent ?? 0,
        processes: worker.tasks_running,
      })
    }
    const ids = new Set(online.map(({ id }) => id))
    for (const id of shown) if (!ids.has(id)) metrics.workerLeft(id)
    shown = ids
    for (const { id, ...moved } of await listWorkerTransfers(db)) {
      metrics.workerTransferred(id, moved)
    }
  })
  return await bus.subscribe(allJobEvents, (message) => countEnd(message, metrics, db))
}

const ends = new Set(['job.completed', 'job.failed', 'job.cancelled'])

async function countEnd({ subject, data }: Message, metrics: Metrics, db: Database): Promise<void> {
  const topic = typeof data === 'object' && data !== null && 'topic' in data
    ? data.topic
    : undefined
  if (typeof topic !== 'string' || !ends.has(topic)) return
  const job = await readJob(db, subject.split('.').at(-1) ?? '')
  if (job === undefined) return
  metrics.jobEnded(job.status, secondsBetween(job.started_at, job.finished_at))
  for (const task of await listTasks(db, job.id)) {
    const seconds = secondsBetween(task.started_at, task.finished_at)
    if (task.assigned_worker_id === null || seconds === undefined) continue
    metrics.taskEnded({
      workerId: task.assigned_worker_id,
      kind: task.kind,
      outcome: task.status,
      seconds,
    })
  }
}

function secondsBetween(start: string | null, end: string | null): number | undefined {
  return start === null || end === null ? undefined : (Date.parse(end) - Date.parse(start)) / 1000
}
