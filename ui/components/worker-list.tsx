/** Workers: the table of the workers page, and the short list of the dashboard. */
import { z } from 'zod'
import type { WorkerView } from '../../kernel/contract/job.ts'
import { workerCapabilitiesSchema } from '../../kernel/contract/worker.ts'
import { formatBytes, formatCount } from './format.ts'
import { ProgressBar } from './progress.tsx'
import { WorkerBadge } from './status.tsx'
import { Time } from './time.tsx'

const capabilitiesSchema = workerCapabilitiesSchema.partial().catch({})
type Capabilities = z.infer<typeof capabilitiesSchema>

/** The declared abilities of a worker; what is missing or malformed is left out. */
export function capabilitiesOf(worker: WorkerView): Capabilities {
  return capabilitiesSchema.parse(worker.capabilities)
}

/** Workers with how many of their slots are taken. */
export function WorkerList({ workers }: { workers: readonly WorkerView[] }) {
  return (
    <ul class='flex flex-col gap-4'>
      {workers.map((worker) => (
        <li id={`worker-${worker.id}`} class='flex flex-col gap-2'>
          <div class='flex items-center justify-between gap-3'>
            <span class='min-w-0 truncate font-medium'>{worker.hostname}</span>
            <WorkerBadge status={worker.status} />
          </div>
          <SlotsBar worker={worker} withCpu />
        </li>
      ))}
    </ul>
  )
}

/** Every worker with its abilities and load. */
export function WorkerTable({ workers, now }: { workers: readonly WorkerView[]; now: number }) {
  return (
    <div class='table-container'>
      <table class='table'>
        <thead>
          <tr>
            <th scope='col'>Worker</th>
            <th scope='col'>Status</th>
            <th scope='col' class='min-w-36'>Slots</th>
            <th scope='col' class='text-end'>CPU</th>
            <th scope='col' class='text-end'>Memory</th>
            <th scope='col'>Encoder</th>
            <th scope='col' class='text-end'>Heartbeat</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => <WorkerRow worker={worker} now={now} />)}
        </tbody>
      </table>
    </div>
  )
}

function WorkerRow({ worker, now }: { worker: WorkerView; now: number }) {
  const { cores, memoryBytes, encoder, encoderVersion, gpu, lanes } = capabilitiesOf(worker)
  return (
    <tr id={`worker-${worker.id}`}>
      <td>
        <span class='block font-medium'>{worker.hostname}</span>
        <span class='block text-xs text-muted-foreground'>
          {worker.region} · v{worker.version}
          {cores !== undefined && ` · ${formatCount(cores, 'core')}`}
        </span>
      </td>
      <td>
        <WorkerBadge status={worker.status} />
      </td>
      <td>
        <SlotsBar worker={worker} />
      </td>
      <td class='text-end tabular-nums'>
        {worker.cpu_percent === null ? '—' : `${Math.round(worker.cpu_percent)} %`}
      </td>
      <td class='text-end tabular-nums'>
        {worker.memory_bytes === null ? '—' : formatBytes(worker.memory_bytes)}
        {memoryBytes !== undefined && memoryBytes > 0 && (
          <span class='text-muted-foreground'>{` / ${formatBytes(memoryBytes)}`}</span>
        )}
      </td>
      <td>
        <span class='block'>
          {encoder === 'wasm' ? 'WASM FFmpeg' : 'FFmpeg'} {encoderVersion}
          {gpu !== undefined && gpu !== 'none' && ` · ${gpu}`}
        </span>
        <span class='block text-xs text-muted-foreground'>{lanes?.join(', ')}</span>
      </td>
      <td class='text-end text-muted-foreground'>
        <Time at={worker.last_heartbeat} now={now} />
      </td>
    </tr>
  )
}

function SlotsBar({ worker, withCpu = false }: { worker: WorkerView; withCpu?: boolean }) {
  const slots = capabilitiesOf(worker).slots ?? 0
  return (
    <div class='flex flex-col gap-1.5'>
      <ProgressBar
        percent={slots === 0 ? 0 : Math.min(100, (100 * worker.tasks_running) / slots)}
        label={`Slots of ${worker.hostname} in use`}
      />
      <span class='text-xs text-muted-foreground tabular-nums'>
        {worker.tasks_running} of {formatCount(slots, 'slot')} in use
        {withCpu && worker.cpu_percent !== null && ` · CPU ${Math.round(worker.cpu_percent)} %`}
      </span>
    </div>
  )
}
