/** The tasks of a job. */
import type { TaskView } from '../../kernel/contract/job.ts'
import { ConfirmButton, PostButton } from './forms.tsx'
import { Icon } from './icons.tsx'
import { formatBytes, formatPercent, formatSpeed, formatTimecode } from './format.ts'
import { ProgressBar } from './progress.tsx'
import { TaskBadge, taskKindLabels } from './status.tsx'

/** A longer list shows only what is not done, so that a live page stays light. */
const shortListLimit = 60

interface TaskTableProps {
  readonly tasks: readonly TaskView[]
  /** May the reader requeue? Then the token of the forms. */
  readonly csrfToken: string | undefined
}

/** One row a task. */
export function TaskTable({ tasks, csrfToken }: TaskTableProps) {
  return (
    <div class='table-container max-h-[36rem] overflow-y-auto'>
      <table class='table table-tight'>
        <thead class='sticky top-0 z-10 bg-card'>
          <tr>
            <th scope='col'>Task</th>
            <th scope='col'>Status</th>
            <th scope='col' class='hidden sm:table-cell'>Attempt</th>
            <th scope='col' class='hidden md:table-cell'>Worker</th>
            <th scope='col' class='hidden text-end sm:table-cell'>Output</th>
            <th scope='col'>
              <span class='sr-only'>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <TaskRow
              task={task}
              worker={task.assigned_worker_id ?? undefined}
              csrfToken={csrfToken}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function TaskRow(
  { task, worker, csrfToken }: {
    task: TaskView
    worker: string | undefined
    csrfToken: string | undefined
  },
) {
  const name = nameOfTask(task)
  return (
    <tr id={`task-${task.id}`}>
      <td>
        <span class='font-medium'>{name}</span>
        {task.hedged && <HedgeMark />}
        {task.kind === 'encode' && (
          <span class='block text-xs text-muted-foreground tabular-nums'>
            {formatTimecode(task.start_time_sec)} – {formatTimecode(task.end_time_sec)}
          </span>
        )}
      </td>
      <td>
        <TaskState task={task} />
      </td>
      <td class='hidden tabular-nums sm:table-cell'>
        {task.attempt_count === 0 ? <span class='text-muted-foreground'>—</span> : (
          <>
            {task.attempt_count}
            <span class='text-muted-foreground'>{' '}of {task.max_attempts}</span>
          </>
        )}
      </td>
      <td class='hidden max-w-40 truncate text-muted-foreground md:table-cell'>{worker ?? '—'}</td>
      <td class='hidden text-end tabular-nums sm:table-cell'>
        {task.output_size_bytes === null ? '—' : formatBytes(task.output_size_bytes)}
      </td>
      <td class='text-end'>
        <div class='flex justify-end gap-1 max-sm:flex-col max-sm:items-end'>
          {csrfToken !== undefined && canRequeue(task) && (
            <StartOver task={task} csrfToken={csrfToken} />
          )}
          {hasLog(task) && (
            <a
              class='btn'
              data-variant='ghost'
              data-size='xs'
              href={`/jobs/${task.job_id}/logs?task=${encodeURIComponent(task.id)}`}
              aria-label={`Log of ${name}`}
            >
              Log
            </a>
          )}
        </div>
      </td>
    </tr>
  )
}

/** Asks first when work would be lost. */
function StartOver({ task, csrfToken }: { task: TaskView; csrfToken: string }) {
  const name = nameOfTask(task)
  const button = {
    action: `/jobs/${task.job_id}/tasks/${task.id}/requeue`,
    csrfToken,
    label: 'Start over',
    accessibleLabel: `Start ${name} over`,
    size: 'xs',
  } as const
  if (task.status !== 'running') return <PostButton {...button} variant='ghost' />
  return (
    <ConfirmButton
      {...button}
      id={`confirm-${task.kind}-${task.sequence_index}`}
      icon='rotate-ccw'
      question={`Start ${name} over?`}
      consequence='Its worker drops it with what it has done so far, and the next free worker begins it again.'
      confirmLabel='Start over'
    />
  )
}

const hedgeSentence = 'Given to a second worker too, because the first one was slow'

function HedgeMark() {
  return (
    <span class='ms-1.5 inline-block align-middle text-muted-foreground' title={hedgeSentence}>
      <Icon name='repeat-2' class='size-3.5' />
      <span class='sr-only'>{hedgeSentence}</span>
    </span>
  )
}

/** How far a task is, or how it ended. */
export function TaskState({ task }: { task: TaskView }) {
  if (task.status === 'running') {
    return (
      <div class='flex min-w-32 flex-col gap-1.5'>
        <ProgressBar percent={task.progress_pct} label={`Progress of ${nameOfTask(task)}`} />
        <span class='text-xs text-muted-foreground tabular-nums'>
          {formatPercent(task.progress_pct)}
          {task.fps !== null && ` · ${Math.round(task.fps)} fps`}
          {task.speed !== null && ` · ${formatSpeed(task.speed)}`}
        </span>
      </div>
    )
  }
  return (
    <>
      <TaskBadge task={task} />
      {task.error && task.status !== 'completed' && (
        <span class='mt-1 block max-w-56 min-w-40 text-xs whitespace-normal text-muted-foreground'>
          {task.error.message}
        </span>
      )}
    </>
  )
}

/** `Chunk 12`, `Probe`. */
export function nameOfTask(task: Pick<TaskView, 'kind' | 'sequence_index'>): string {
  const label = taskKindLabels[task.kind]
  return task.kind === 'encode' ? `${label} ${task.sequence_index + 1}` : label
}

/** The tasks that a short list shows: all of them, or of many those that run, wait or failed, and those that are no chunks. */
export function shortList(tasks: readonly TaskView[]): readonly TaskView[] {
  if (tasks.length <= shortListLimit) return tasks
  const isInteresting = (task: TaskView) =>
    task.kind !== 'encode' || ['running', 'waiting', 'failed'].includes(task.status)
  return tasks.filter(isInteresting).slice(0, shortListLimit)
}

/** A log appears when an attempt has ended. */
function hasLog({ status, attempt_count }: TaskView): boolean {
  return attempt_count > (status === 'running' ? 1 : 0)
}

function canRequeue(task: TaskView): boolean {
  return task.status === 'running' || task.status === 'failed' ||
    (task.status === 'waiting' && task.error !== null)
}
