/** The tasks of one worker: what it has in hand, then what it did last. */
import type { TaskView } from '../../kernel/contract/job.ts'
import { type Column, DataTable } from './data-table.tsx'
import { formatBytes } from './format.ts'
import { nameOfTask, TaskState } from './task-table.tsx'
import { Time } from './time.tsx'

const taskColumns: readonly Column[] = [
  'Task',
  'Status',
  ['Job', 'hidden sm:table-cell'],
  ['Output', 'hidden text-end sm:table-cell'],
  ['When', 'text-end'],
]

/** One row a task. */
export function WorkerTasks({ tasks, now }: { tasks: readonly TaskView[]; now: number }) {
  return (
    <DataTable columns={taskColumns}>
      {tasks.map((task) => <WorkerTaskRow task={task} now={now} />)}
    </DataTable>
  )
}

function WorkerTaskRow({ task, now }: { task: TaskView; now: number }) {
  const at = task.finished_at ?? task.started_at
  return (
    <tr id={`task-${task.id}`}>
      <td>
        <span class='font-medium'>{nameOfTask(task)}</span>
        <span class='block sm:hidden'>
          <JobLink id={task.job_id} />
        </span>
      </td>
      <td>
        <TaskState task={task} />
      </td>
      <td class='hidden sm:table-cell'>
        <JobLink id={task.job_id} />
      </td>
      <td class='hidden text-end tabular-nums sm:table-cell'>
        {task.output_size_bytes === null ? '—' : formatBytes(task.output_size_bytes)}
      </td>
      <td class='text-end text-muted-foreground'>
        {at === null ? '—' : <Time at={at} now={now} />}
      </td>
    </tr>
  )
}

function JobLink({ id }: { id: string }) {
  return <a class='link font-mono text-xs' href={`/jobs/${id}`}>{id.slice(0, 8)}</a>
}
