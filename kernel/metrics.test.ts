import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from './metrics.ts'

test('createMetrics() exposes the names of the specification', async () => {
  const metrics = createMetrics({ withProcess: false })
  metrics.jobEnded('completed', 450)
  metrics.jobEnded('failed')
  metrics.taskEnded({ workerId: 'w1', kind: 'encode', outcome: 'finished', seconds: 125 })
  metrics.workerUsage('w1', { cpuPercent: 85, processes: 2 })
  metrics.workerRefused('WE-AUTH-001')
  metrics.chunkHedged()
  metrics.workerTransferred('w1', { bytesIn: 5000, bytesOut: 200 })
  metrics.workerTransferred('w1', { bytesIn: 6000, bytesOut: 0 })
  metrics.pluginCall('storage-s3', { method: 'Browse', durationMs: 500, ok: false })
  metrics.pluginHealth('storage-s3', 1)
  metrics.engineBatch({ deliveries: 17, seconds: 0.004 })
  metrics.queueDepth('ready', 3)
  metrics.liveConnections(4)
  const { contentType, text } = await metrics.expose()
  assert.match(contentType, /^text\/plain/)
  const lines = text.split('\n')
  const expected = [
    'webencode_kernel_jobs_total{status="completed"} 1',
    'webencode_kernel_jobs_total{status="failed"} 1',
    'webencode_kernel_job_processing_time_seconds{quantile="0.95"} 450',
    'webencode_worker_task_duration_seconds_sum{worker_id="w1",kind="encode",outcome="finished"} 125',
    'webencode_worker_cpu_usage_percent{worker_id="w1"} 85',
    'webencode_worker_ffmpeg_process_count{worker_id="w1"} 2',
    'webencode_kernel_worker_refusals_total{code="WE-AUTH-001"} 1',
    'webencode_kernel_hedges_total 1',
    'webencode_worker_transfer_bytes_total{worker_id="w1",direction="in"} 6000',
    'webencode_worker_transfer_bytes_total{worker_id="w1",direction="out"} 0',
    'webencode_plugin_rpc_duration_seconds_sum{plugin="storage-s3",method="Browse"} 0.5',
    'webencode_plugin_error_count{plugin="storage-s3",method="Browse"} 1',
    'webencode_plugin_health{plugin="storage-s3"} 1',
    'webencode_engine_batch_size_sum 17',
    'webencode_queue_depth{queue="ready"} 3',
    'webencode_live_connections 4',
  ]
  for (const line of expected) assert.ok(lines.includes(line), line)
})

test('workerLeft() removes what the worker showed', async () => {
  const metrics = createMetrics({ withProcess: false })
  metrics.workerUsage('w1', { cpuPercent: 85, processes: 2 })
  metrics.workerTransferred('w1', { bytesIn: 1, bytesOut: 1 })
  metrics.workerLeft('w1')
  assert.doesNotMatch((await metrics.expose()).text, /worker_id="w1"/)
})

test('expose() collects first', async () => {
  const metrics = createMetrics({ withProcess: false })
  metrics.beforeScrape(() => Promise.resolve(metrics.queueDepth('outbox', 9)))
  assert.match((await metrics.expose()).text, /webencode_queue_depth\{queue="outbox"\} 9/)
})

test('expose() adds what others count', async () => {
  const metrics = createMetrics({ withProcess: false })
  metrics.queueDepth('outbox', 9)
  metrics.alsoExpose(() => Promise.resolve('webencode_plugin_a_calls_total 3\n'))
  const { text } = await metrics.expose()
  assert.match(text, /^webencode_queue_depth\{queue="outbox"\} 9$/m)
  assert.match(text, /^webencode_plugin_a_calls_total 3$/m)
})

test('createMetrics() measures the process on this runtime', async () => {
  const { text } = await createMetrics().expose()
  assert.match(text, /webencode_process_cpu_seconds_total/)
})
