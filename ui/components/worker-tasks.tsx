/** The tasks of one worker: what it has in hand, then what it did last. */
import type { TaskView } from '../../kernel/contract/job.ts'
import { formatBytes } from './format.ts'
import { nameOfTask, TaskState } from './task-table.tsx'
import { Time } from './time.tsx'

/** One row a task. */
export function WorkerTasks({ tasks, now }: { tasks: readonly TaskView[]; now: number }) {
  return (
    <div class='table-container'>
      <table class='table'>
        <thead>
          <tr>
            <th scope='col'>Task</th>
            <th scope='col'>Status</th>
            <th scope='col' class='hidden sm:table-cell'>Job</th>
            <th scope='col' class='hidden text-end sm:table-cell'>Output</th>
            <th scope='col' class='text-end'>When</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => <WorkerTaskRow task={task} now={now} />)}
        </tbody>
      </table>
    </div>
  )
}

function WorkerTaskRow({ task, now }: { task: TaskView; now: number }) {
  const at = task.finished_at ?? task.started_at
  return (
    <tr id={`task-${task.id}`}>
      <td class='font-medium'>{nameOfTask(task)}</td>
      <td>
        <TaskState task={task} />
      </td>
      <td class='hidden sm:table-cell'>
        <a class='link font-mono text-xs' href={`/jobs/${task.job_id}`}>
          {task.job_id.slice(0, 8)}
        </a>
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
