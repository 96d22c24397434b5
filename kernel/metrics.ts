/** What the process counts and measures, exposed for Prometheus. The only file that knows prom-client. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import type { PluginCall } from './contract/plugin.ts'

/** Receives measurements. Label values come from closed sets or are few (workers), never ids of jobs. */
export interface Metrics {
  /** A job reached `completed`, `failed` or `cancelled`; `seconds` from its start to its end, if it started. */
  jobEnded(status: string, seconds?: number): void
  /** A worker ended a task. */
  taskEnded(task: { workerId: string; kind: string; outcome: string; seconds: number }): void
  /** A worker's usage, as its heartbeat told. */
  workerUsage(workerId: string, usage: { cpuPercent: number; processes: number }): void
  /** What a worker has moved over the network since it started. */
  workerTransferred(workerId: string, moved: { bytesIn: number; bytesOut: number }): void
  /** A worker left: its gauges go. */
  workerLeft(workerId: string): void
  /** A message of a worker was refused: wrong, not allowed, or too late. */
  workerRefused(code: string): void
  /** A call of a plugin ended. */
  pluginCall(pluginId: string, call: PluginCall): void
  /** How a plugin is: 1 healthy, 0.5 degraded, 0 anything else. */
  pluginHealth(pluginId: string, health: number): void
  /** A slow chunk was offered to a second worker. */
  chunkHedged(): void
  /** The engine committed a batch of deliveries. */
  engineBatch(batch: { deliveries: number; seconds: number }): void
  /** The work of every lane and region that has some; those that were told before and are missing now have none. */
  demand(
    lanes: readonly {
      readonly lane: string
      readonly region: string
      readonly ready_tasks: number
      readonly running_tasks: number
      readonly oldest_wait_seconds: number
      readonly wanted_slots: number
    }[],
  ): void
  /** Something that waits: deliveries of the engine, outbox rows, ready tasks. */
  queueDepth(queue: string, length: number): void
  /** An answered request; `route` as registered, not the path. */
  httpRequest(request: { method: string; route: string; status: number; seconds: number }): void
  /** Open WebSocket connections. */
  liveConnections(count: number): void
  /** Calls `collect` before each exposition, to set gauges that nobody pushes. Its failure fails the scrape. */
  beforeScrape(collect: () => Promise<void>): void
  /** Adds what others count, as Prometheus text with names of its own. Its failure fails the scrape. */
  alsoExpose(collect: () => Promise<string>): void
  /** All metrics in Prometheus' text format. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Seconds, from milliseconds to hours: tasks and jobs vary that much. */
const workBuckets = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]

/**
 * Creates a registry of its own, so that several may live in one process.
 * @param options.withProcess - also measure the process: memory, CPU, event loop. @default true
 */
export function createMetrics({ withProcess = true } = {}): Metrics {
  const registry = new Registry()
  const collectors: (() => Promise<void>)[] = []
  const others: (() => Promise<string>)[] = []
  if (withProcess) collectDefaultMetrics({ register: registry, prefix: 'webencode_' })
  const meters = createMeters(registry)
  return {
    jobEnded(status, seconds) {
      meters.jobs.inc({ status })
      if (seconds !== undefined) meters.jobSeconds.observe(seconds)
    },
    taskEnded({ workerId, kind, outcome, seconds }) {
      meters.taskSeconds.observe({ worker_id: workerId, kind, outcome }, seconds)
    },
    workerUsage(workerId, { cpuPercent, processes }) {
      meters.workerCpu.set({ worker_id: workerId }, cpuPercent)
      meters.ffmpegProcesses.set({ worker_id: workerId }, processes)
    },
    workerTransferred(workerId, { bytesIn, bytesOut }) {
      // The worker counts: what it told before is replaced.
      for (const [direction, bytes] of [['in', bytesIn], ['out', bytesOut]] as const) {
        const labels = { worker_id: workerId, direction }
        meters.transferred.remove(labels)
        meters.transferred.inc(labels, bytes)
      }
    },
    workerLeft(workerId) {
      for (const direction of ['in', 'out']) {
        meters.transferred.remove({ worker_id: workerId, direction })
      }
      meters.workerCpu.remove({ worker_id: workerId })
      meters.ffmpegProcesses.remove({ worker_id: workerId })
    },
    pluginCall(plugin, { method, durationMs, ok }) {
      meters.pluginSeconds.observe({ plugin, method }, durationMs / 1000)
      if (!ok) meters.pluginErrors.inc({ plugin, method })
    },
    pluginHealth: (plugin, health) => meters.pluginHealth.set({ plugin }, health),
    workerRefused: (code) => meters.refusals.inc({ code }),
    chunkHedged: () => meters.hedges.inc(),
    engineBatch({ deliveries, seconds }) {
      meters.batchSize.observe(deliveries)
      meters.batchSeconds.observe(seconds)
    },
    demand(lanes) {
      const { readyTasks, runningTasks, oldestWait, wantedSlots } = meters
      for (const gauge of [readyTasks, runningTasks, oldestWait, wantedSlots]) gauge.reset()
      for (const { lane, region, ...demand } of lanes) {
        const labels = { lane, region }
        readyTasks.set(labels, demand.ready_tasks)
        runningTasks.set(labels, demand.running_tasks)
        oldestWait.set(labels, demand.oldest_wait_seconds)
        wantedSlots.set(labels, demand.wanted_slots)
      }
    },
    queueDepth: (queue, length) => meters.queueDepth.set({ queue }, length),
    httpRequest({ method, route, status, seconds }) {
      meters.httpSeconds.observe({ method, route, status: String(status) }, seconds)
    },
    liveConnections: (count) => meters.liveConnections.set(count),
    beforeScrape: (collect) => void collectors.push(collect),
    alsoExpose: (collect) => void others.push(collect),
    async expose() {
      await Promise.all(collectors.map((collect) => collect()))
      const added = await Promise.all(others.map((collect) => collect()))
      const text = await registry.metrics()
      return { contentType: registry.contentType, text: [text, ...added].join('') }
    },
  }
}

function createMeters(registry: Registry) {
  const registers = [registry]
  return {
    ...createWorkerMeters(registry),
    ...createLaneMeters(registry),
    ...createPluginMeters(registry),
    jobs: new Counter({
      name: 'webencode_kernel_jobs_total',
      help: 'Jobs that ended, by status',
      labelNames: ['status'],
      registers,
    }),
    jobSeconds: new Summary({
      name: 'webencode_kernel_job_processing_time_seconds',
      help: 'Time from the start to the end of a job',
      percentiles: [0.5, 0.95, 0.99],
      maxAgeSeconds: 3600,
      ageBuckets: 6,
      registers,
    }),
    batchSize: new Histogram({
      name: 'webencode_engine_batch_size',
      help: 'Deliveries committed in one transaction',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'webencode_engine_batch_seconds',
      help: 'Time of one transaction of the engine',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'webencode_queue_depth',
      help: 'Things that wait',
      labelNames: ['queue'],
      registers,
    }),
    httpSeconds: new Histogram({
      name: 'webencode_http_request_duration_seconds',
      help: 'Time from a request to its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    }),
    liveConnections: new Gauge({
      name: 'webencode_live_connections',
      help: 'Open WebSocket connections',
      registers,
    }),
  }
}

function createWorkerMeters(registry: Registry) {
  const registers = [registry]
  return {
    taskSeconds: new Histogram({
      name: 'webencode_worker_task_duration_seconds',
      help: 'Time that a worker spent on a task',
      labelNames: ['worker_id', 'kind', 'outcome'],
      buckets: workBuckets,
      registers,
    }),
    workerCpu: new Gauge({
      name: 'webencode_worker_cpu_usage_percent',
      help: 'CPU usage of a worker',
      labelNames: ['worker_id'],
      registers,
    }),
    ffmpegProcesses: new Gauge({
      name: 'webencode_worker_ffmpeg_process_count',
      help: 'FFmpeg processes of a worker',
      labelNames: ['worker_id'],
      registers,
    }),
    refusals: new Counter({
      name: 'webencode_kernel_worker_refusals_total',
      help: 'Messages of workers that were refused, by error code',
      labelNames: ['code'],
      registers,
    }),
    hedges: new Counter({
      name: 'webencode_kernel_hedges_total',
      help: 'Slow chunks that were offered to a second worker',
      registers,
    }),
    transferred: new Counter({
      name: 'webencode_worker_transfer_bytes_total',
      help: 'Bytes that a worker moved over the network since it started',
      labelNames: ['worker_id', 'direction'],
      registers,
    }),
  }
}

function createPluginMeters(registry: Registry) {
  const registers = [registry]
  const labelNames = ['plugin', 'method'] as const
  return {
    pluginSeconds: new Histogram({
      labelNames,
      registers,
      name: 'webencode_plugin_rpc_duration_seconds',
      help: 'Time of a call of a plugin',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    }),
    pluginErrors: new Counter({
      labelNames,
      registers,
      name: 'webencode_plugin_error_count',
      help: 'Calls of a plugin that failed',
    }),
    pluginHealth: new Gauge({
      labelNames: ['plugin'],
      registers,
      name: 'webencode_plugin_health',
      help: 'Whether a plugin is healthy (1), degraded (0.5) or does not serve (0)',
    }),
  }
}

function createLaneMeters(registry: Registry) {
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `webencode_lane_${name}`,
      help,
      labelNames: ['lane', 'region'],
      registers: [registry],
    })
  return {
    readyTasks: gauge('ready_tasks', 'Tasks that wait for a worker'),
    runningTasks: gauge('running_tasks', 'Tasks in the hands of workers'),
    oldestWait: gauge('oldest_wait_seconds', 'How long the first of the ready tasks has waited'),
    wantedSlots: gauge('wanted_slots', 'Slots that could be busy now'),
  }
}
