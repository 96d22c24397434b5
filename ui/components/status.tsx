/** What each status and phase is called, its tone, and the badge that shows it. */
import type { JobPhase, JobStatus, TaskView, WorkerView } from '../../kernel/contract/job.ts'
import type { PluginState } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import type { TaskKind } from '../../kernel/contract/task.ts'
import { errorCatalog } from '../../kernel/errors.ts'
import { Icon, type IconName } from './icons.tsx'

/** The meaning of a colour. */
export type Tone = 'neutral' | 'active' | 'success' | 'warning' | 'danger'

interface StatusLook {
  readonly label: string
  readonly tone: Tone
  readonly icon: IconName
}

const jobLooks: Record<JobStatus, StatusLook> = {
  queued: { label: 'Queued', tone: 'neutral', icon: 'clock' },
  processing: { label: 'Processing', tone: 'active', icon: 'activity' },
  stitching: { label: 'Stitching', tone: 'active', icon: 'combine' },
  uploading: { label: 'Verifying', tone: 'active', icon: 'shield-check' },
  completed: { label: 'Completed', tone: 'success', icon: 'circle-check' },
  failed: { label: 'Failed', tone: 'danger', icon: 'circle-alert' },
  cancelled: { label: 'Cancelled', tone: 'neutral', icon: 'ban' },
}

const taskLooks: Record<TaskView['status'], StatusLook> = {
  ready: { label: 'Queued', tone: 'neutral', icon: 'clock' },
  running: { label: 'Running', tone: 'active', icon: 'activity' },
  waiting: { label: 'Waiting to retry', tone: 'warning', icon: 'timer' },
  completed: { label: 'Completed', tone: 'success', icon: 'circle-check' },
  failed: { label: 'Failed', tone: 'danger', icon: 'circle-alert' },
  cancelled: { label: 'Cancelled', tone: 'neutral', icon: 'ban' },
}

/** A task that waits for its inputs is as it should be; one that waits after a failure is not. */
const blockedLook: StatusLook = { label: 'Not yet', tone: 'neutral', icon: 'circle-dashed' }

const workerLooks: Record<WorkerView['status'], StatusLook> = {
  healthy: { label: 'Healthy', tone: 'success', icon: 'circle-check' },
  degraded: { label: 'Degraded', tone: 'warning', icon: 'triangle-alert' },
  draining: { label: 'Draining', tone: 'warning', icon: 'timer' },
  offline: { label: 'Offline', tone: 'neutral', icon: 'wifi-off' },
}

const pluginLooks: Record<PluginState, StatusLook> = {
  starting: { label: 'Starting', tone: 'active', icon: 'activity' },
  healthy: { label: 'Healthy', tone: 'success', icon: 'circle-check' },
  degraded: { label: 'Degraded', tone: 'warning', icon: 'triangle-alert' },
  failed: { label: 'Failed', tone: 'danger', icon: 'circle-alert' },
  restarting: { label: 'Restarting', tone: 'warning', icon: 'rotate-ccw' },
  disabled: { label: 'Disabled', tone: 'neutral', icon: 'ban' },
}

/** What a job in this phase is doing, for a person. */
export const phaseSentences: Record<JobPhase, string> = {
  queued: 'Waiting for a worker',
  probing: 'Reading the source',
  encoding: 'Encoding chunks',
  stitching: 'Joining the chunks',
  verifying: 'Checking the result',
  completed: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** What the kinds of tasks are called. */
export const taskKindLabels: Record<TaskKind, string> = {
  probe: 'Probe',
  encode: 'Chunk',
  audio: 'Audio',
  stitch: 'Stitch',
  remux: 'Remux',
  verify: 'Verify',
}

/** The tone of a job's progress bar. */
export function toneOfJob(status: JobStatus): Tone {
  return jobLooks[status].tone
}

/** What an error is called; its code when nobody knows it. */
export function titleOfError({ code }: { readonly code: string }): string {
  return Object.entries(errorCatalog).find(([known]) => known === code)?.[1].title ?? code
}

/** The name of a job status. */
export function labelOfJob(status: JobStatus): string {
  return jobLooks[status].label
}

/** The name of a task status. */
export function labelOfTask(status: TaskView['status']): string {
  return taskLooks[status].label
}

/** The status of a job. */
export function JobBadge({ status }: { status: JobStatus }) {
  return <StatusBadge look={jobLooks[status]} />
}

/** The status of a task. */
export function TaskBadge({ task }: { task: Pick<TaskView, 'status' | 'error'> }) {
  const isBlocked = task.status === 'waiting' && task.error === null
  return <StatusBadge look={isBlocked ? blockedLook : taskLooks[task.status]} />
}

/** The status of a worker, and what people made of it. */
export function WorkerBadge({ worker }: { worker: Pick<WorkerView, 'status' | 'command'> }) {
  return <StatusBadge look={lookOfWorker(worker)} />
}

/** The state of a plugin. */
export function PluginBadge({ plugin }: { plugin: Pick<PluginView, 'state'> }) {
  return <StatusBadge look={pluginLooks[plugin.state]} />
}

function lookOfWorker({ status, command }: Pick<WorkerView, 'status' | 'command'>): StatusLook {
  const look = workerLooks[status]
  if (status === 'offline') {
    return command === 'drain' ? { ...look, label: 'Offline, drained' } : look
  }
  if (command === 'restart') return { ...look, label: 'Restarting', icon: 'rotate-ccw' }
  return command === 'leave' ? { ...look, label: 'Leaving', icon: 'log-out' } : look
}

function StatusBadge({ look }: { look: StatusLook }) {
  return (
    <span class='badge' data-tone={look.tone}>
      <Icon name={look.icon} class={look.tone === 'active' ? 'pulse' : ''} />
      {look.label}
    </span>
  )
}
