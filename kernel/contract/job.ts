/** Jobs: the request that makes one, its statuses and the views that people and programs read. */
import { z } from 'zod'
import { installedEncodersSchema } from './encoder-routing.ts'
import { workerCommands } from './worker.ts'
import { outputFileSchema, taskKinds, taskStatuses } from './task.ts'
import { profileOverridesSchema } from './profile.ts'

export const jobStatuses = [
  'queued',
  'processing',
  'stitching',
  'uploading',
  'completed',
  'failed',
  'cancelled',
] as const
export type JobStatus = (typeof jobStatuses)[number]
/** Statuses that a job never leaves. */
export const endedJobStatuses: readonly JobStatus[] = ['completed', 'failed', 'cancelled']

/** Finer than the status: what the job is doing now. */
const jobPhases = [
  'queued',
  'probing',
  'encoding',
  'stitching',
  'verifying',
  'completed',
  'failed',
  'cancelled',
] as const
export type JobPhase = (typeof jobPhases)[number]

const jobSourceTypes = ['url', 'upload', 'stream', 'restream'] as const

/** Body of `POST /v1/jobs`. Unknown fields are refused. */
export const createJobSchema = z.strictObject({
  /**
   * `https://…`, `http://…`, `file:///…` below an allowed root, `fs://uploads/…` as an upload answered, `storage://…` as
   * browsing did, or what a storage takes, such as `s3://media/film.mp4`.
   */
  source_url: z.string().min(1).max(4096),
  /** Name of a profile of `GET /v1/profiles`. */
  profile: z.string().min(1).max(64),
  overrides: profileOverridesSchema.optional(),
  /** -100 (last) to 100 (first). */
  priority: z.int().min(-100).max(100).default(0),
  /** When it should be done, ISO 8601 with an offset: of one priority, the earliest deadline comes first. */
  deadline: z.iso.datetime({ offset: true }).optional(),
})
export type CreateJob = z.input<typeof createJobSchema>

const jobErrorSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  detail: z.string().optional(),
})

export const jobViewSchema = z.strictObject({
  id: z.string(),
  user_id: z.string(),
  source_type: z.enum(jobSourceTypes),
  /** As given, without credentials. */
  source_url: z.string(),
  profile: z.string(),
  priority: z.int(),
  deadline: z.string().nullable(),
  status: z.enum(jobStatuses),
  phase: z.enum(jobPhases),
  progress_pct: z.number().min(0).max(100),
  eta_seconds: z.int().nullable(),
  tasks_total: z.int(),
  tasks_completed: z.int(),
  error: jobErrorSchema.nullable(),
  /** The job that this one repeats, if any. */
  retry_of: z.string().nullable(),
  /** Facts of the source and plan, once known. */
  media: z.record(z.string(), z.json()).nullable(),
  warnings: z.array(z.string()),
  created_at: z.string(),
  updated_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
})
export type JobView = z.infer<typeof jobViewSchema>

/** A job by itself. */
export const jobDetailSchema = jobViewSchema.extend({
  /** Why work of it waits that no worker can do now, in a sentence; null while somebody can. It goes on by itself. */
  waiting_reason: z.string().nullable(),
})
export type JobDetail = z.infer<typeof jobDetailSchema>

export const taskViewSchema = z.strictObject({
  id: z.string(),
  job_id: z.string(),
  kind: z.enum(taskKinds),
  sequence_index: z.int(),
  start_time_sec: z.number(),
  end_time_sec: z.number(),
  deadline: z.string().nullable(),
  status: z.enum(taskStatuses),
  progress_pct: z.number(),
  fps: z.number().nullable(),
  speed: z.number().nullable(),
  assigned_worker_id: z.string().nullable(),
  attempt_count: z.int(),
  max_attempts: z.int(),
  output_key: z.string().nullable(),
  output_size_bytes: z.number().nullable(),
  error: jobErrorSchema.nullable(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  /** A second worker was given the same work, because the first was slow. */
  hedged: z.boolean(),
})
export type TaskView = z.infer<typeof taskViewSchema>

/** One step of a job's timeline. */
export const jobEventViewSchema = z.strictObject({
  id: z.string(),
  actor_id: z.string(),
  type: z.string(),
  at: z.string(),
  data: z.json(),
})
export type JobEventView = z.infer<typeof jobEventViewSchema>

export const jobOutputViewSchema = outputFileSchema.omit({ object: true, contentType: true })
  .extend({
    content_type: z.string(),
    profile: z.string(),
    size_bytes: z.int(),
    sha256: z.string(),
    /** On this server, with the caller's credentials. */
    url: z.string(),
    /** Signed, for a while; needs no credentials. */
    download_url: z.string(),
  })
export type JobOutputView = z.infer<typeof jobOutputViewSchema>

/** What the dashboard shows, and `dashboard:stats` pushes. */
export const dashboardStatsSchema = z.strictObject({
  jobs: z.record(z.enum(jobStatuses), z.int()),
  jobs_24h: z.strictObject({
    completed: z.int(),
    failed: z.int(),
    average_seconds: z.number().nullable(),
    bytes_out: z.number(),
  }),
  tasks: z.strictObject({ ready: z.int(), running: z.int() }),
  workers: z.strictObject({ online: z.int(), slots: z.int(), busy: z.int() }),
})
export type DashboardStats = z.infer<typeof dashboardStatsSchema>

export const workerViewSchema = z.strictObject({
  id: z.string(),
  hostname: z.string(),
  region: z.string(),
  version: z.string(),
  status: z.enum(['healthy', 'degraded', 'offline', 'draining']),
  /** What it was told to do. An offline worker that was drained stays so when it comes back. */
  command: z.enum(workerCommands),
  capabilities: z.record(z.string(), z.json()),
  /** The encoder plugins that it has, enabled or not; null when it does not say. */
  encoders: installedEncodersSchema.nullable(),
  /** Tasks that it runs at the same time. */
  slots: z.int(),
  tasks_running: z.int(),
  cpu_percent: z.number().nullable(),
  memory_bytes: z.number().nullable(),
  /** When a worker of this name joined for the first time. */
  joined_at: z.string(),
  /** When its present process joined. */
  session_started_at: z.string(),
  last_heartbeat: z.string(),
})
export type WorkerView = z.infer<typeof workerViewSchema>
