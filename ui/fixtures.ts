/** Views that tests render: one job, one task, one worker, each with what a test wants different. */
import type { DashboardStats, JobView, TaskView, WorkerView } from '../kernel/contract/job.ts'
import type { NewJoinToken } from '../kernel/contract/worker.ts'
import type { Profile } from '../kernel/contract/profile.ts'
import type { WorkerRights } from './components/worker-actions.tsx'

/** The moment at which fixtures are looked at. */
export const fixtureNow = Date.parse('2026-03-01T12:00:00Z')

export const fixtureJobId = '7d1f0c52-91ab-4f5e-9a43-0d2f3b7c1e11'

/** A running job. */
export function jobFixture(changes: Partial<JobView> = {}): JobView {
  return {
    id: fixtureJobId,
    user_id: 'u1',
    source_type: 'url',
    source_url: 'https://media.example.com/opening%20night.mp4',
    profile: '720p_h264',
    priority: 0,
    deadline: null,
    status: 'processing',
    phase: 'encoding',
    progress_pct: 42.5,
    eta_seconds: 200,
    tasks_total: 5,
    tasks_completed: 2,
    error: null,
    retry_of: null,
    media: null,
    warnings: [],
    created_at: '2026-03-01T11:50:00.000Z',
    updated_at: '2026-03-01T11:59:00.000Z',
    started_at: '2026-03-01T11:51:00.000Z',
    finished_at: null,
    ...changes,
  }
}

/** A chunk that is being encoded. */
export function taskFixture(changes: Partial<TaskView> = {}): TaskView {
  return {
    id: `${fixtureJobId}.encode.00000`,
    job_id: fixtureJobId,
    kind: 'encode',
    sequence_index: 0,
    start_time_sec: 0,
    end_time_sec: 10,
    deadline: null,
    status: 'running',
    progress_pct: 30,
    fps: 60,
    speed: 2,
    assigned_worker_id: 'w1',
    attempt_count: 1,
    max_attempts: 3,
    output_key: null,
    output_size_bytes: null,
    error: null,
    started_at: null,
    finished_at: null,
    hedged: false,
    ...changes,
  }
}

/** A healthy worker with two slots, one of them taken. */
export function workerFixture(changes: Partial<WorkerView> = {}): WorkerView {
  return {
    id: 'w1',
    hostname: 'encoder-1',
    region: 'local',
    version: '0.1.0',
    status: 'healthy',
    command: 'work',
    capabilities: { slots: 2, lanes: ['cpu'], cores: 4, encoder: 'ffmpeg', encoderVersion: '7.1' },
    encoders: null,
    slots: 2,
    tasks_running: 1,
    cpu_percent: 50,
    memory_bytes: 1_000_000_000,
    joined_at: '2026-03-01T10:00:00.000Z',
    session_started_at: '2026-03-01T10:00:00.000Z',
    last_heartbeat: '2026-03-01T11:59:57.000Z',
    ...changes,
  }
}

/** What an admin may do with workers. */
export const adminRights: WorkerRights = { csrfToken: 'token', canOperate: true, canRemove: true }

/** A join token, just made. */
export const newTokenFixture: NewJoinToken = {
  id: 'jt-0a1b2c3d4e5f',
  created_by: 'ann',
  created_at: '2026-03-01T12:00:00.000Z',
  expires_at: '2026-03-01T13:00:00.000Z',
  used_at: null,
  used_by: null,
  token: 'wj_shown-once',
}

/** Figures of an idle box. */
export const statsFixture: DashboardStats = {
  jobs: {
    queued: 0,
    processing: 0,
    stitching: 0,
    uploading: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  },
  jobs_24h: { completed: 0, failed: 0, average_seconds: null, bytes_out: 0 },
  tasks: { ready: 0, running: 0 },
  workers: { online: 0, slots: 0, busy: 0 },
}

/** An encoding profile. */
export const profileFixture: Profile = {
  name: '720p_h264',
  description: 'HD for every player',
  container: 'mp4',
  video: {
    codec: 'libx264',
    preset: 'veryfast',
    rateControl: { mode: 'crf', crf: 23, maxrateBps: 2_750_000, bufferBits: 5_500_000 },
    width: 1280,
    height: 720,
    fit: 'contain',
    pixelFormat: 'yuv420p',
    gopSeconds: 2,
  },
  audio: { codec: 'aac', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 },
  chunkSeconds: 10,
  maxAttempts: 3,
}
