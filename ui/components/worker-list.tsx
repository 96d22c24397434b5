/** Workers: the table of the workers page, and the short list of the dashboard. */
import { z } from 'zod'
import type { WorkerView } from '../../kernel/contract/job.ts'
import { workerCapabilitiesSchema } from '../../kernel/contract/worker.ts'
import { formatBytes, formatCount, formatDuration } from './format.ts'
import { ProgressBar } from './progress.tsx'
import { WorkerBadge } from './status.tsx'
import { Time } from './time.tsx'
import { WorkerActions, type WorkerRights } from './worker-actions.tsx'

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
            <a class='min-w-0 truncate font-medium hover:underline' href={workerPath(worker.id)}>
              {worker.id}
            </a>
            <WorkerBadge worker={worker} />
          </div>
          <SlotsBar worker={worker} withCpu />
        </li>
      ))}
    </ul>
  )
}

/** Every worker with its abilities and load, and what the reader may do with it. */
export function WorkerTable(
  { workers, now, rights }: {
    workers: readonly WorkerView[]
    now: number
    rights: WorkerRights
  },
) {
  return (
    <div class='table-container'>
      <table class='table table-tight table-stack'>
        <thead>
          <tr>
            <th scope='col'>Worker</th>
            <th scope='col'>Status</th>
            <th scope='col' class='min-w-28'>Tasks</th>
            <th scope='col' class='hidden sm:table-cell'>Load</th>
            <th scope='col' class='hidden xl:table-cell'>Encoder and lanes</th>
            <th scope='col' class='hidden xl:table-cell'>Up</th>
            <th scope='col' class='hidden xl:table-cell'>Heard of</th>
            {rights.canOperate && (
              <th scope='col' class='hidden md:table-cell'>
                <span class='sr-only'>Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => <WorkerRow worker={worker} now={now} rights={rights} />)}
        </tbody>
      </table>
    </div>
  )
}

function WorkerRow(
  { worker, now, rights }: { worker: WorkerView; now: number; rights: WorkerRights },
) {
  const { lanes } = capabilitiesOf(worker)
  return (
    <tr id={`worker-${worker.id}`}>
      <td>
        <a class='block truncate font-medium hover:underline' href={workerPath(worker.id)}>
          {worker.id}
        </a>
        <span class='block truncate text-xs text-muted-foreground'>
          {worker.region} · v{worker.version}
        </span>
      </td>
      <td>
        <WorkerBadge worker={worker} />
      </td>
      <td>
        <SlotsBar worker={worker} />
      </td>
      <td class='hidden tabular-nums sm:table-cell'>
        <span class='block'>CPU {cpuOf(worker)}</span>
        <span class='block text-xs text-muted-foreground'>{memoryOf(worker)}</span>
      </td>
      <td class='hidden max-w-52 xl:table-cell'>
        <span class='block'>{encoderOf(worker)}</span>
        <span class='block text-xs whitespace-normal text-muted-foreground'>
          {lanes?.join(', ')}
        </span>
      </td>
      <td class='hidden whitespace-nowrap tabular-nums xl:table-cell'>{uptimeOf(worker, now)}</td>
      <td class='hidden text-muted-foreground xl:table-cell'>
        <Time at={worker.last_heartbeat} now={now} />
      </td>
      {rights.canOperate && (
        <td class='hidden md:table-cell'>
          <WorkerActions worker={worker} rights={rights} inList />
        </td>
      )}
    </tr>
  )
}

/** How many slots of a worker are taken. */
export function SlotsBar(
  { worker, withCpu = false }: { worker: WorkerView; withCpu?: boolean },
) {
  const { slots, tasks_running } = worker
  return (
    <div class='flex flex-col gap-1.5'>
      <ProgressBar
        percent={slots === 0 ? 0 : Math.min(100, (100 * tasks_running) / slots)}
        label={`Slots of ${worker.id} in use`}
      />
      <span class='text-xs text-muted-foreground tabular-nums'>
        {tasks_running} of {formatCount(slots, 'slot')}
        <span class='max-sm:hidden'>{' '}in use</span>
        {withCpu && worker.cpu_percent !== null && ` · CPU ${Math.round(worker.cpu_percent)} %`}
      </span>
    </div>
  )
}

/** The page of a worker. */
export function workerPath(id: string): string {
  return `/workers/${encodeURIComponent(id)}`
}

/** `48 %`; of an offline worker nothing is known. */
export function cpuOf({ status, cpu_percent }: WorkerView): string {
  return cpu_percent === null || status === 'offline' ? '—' : `${Math.round(cpu_percent)} %`
}

/** `3.1 GB of 8.2 GB`. */
export function memoryOf(worker: WorkerView): string {
  const { memoryBytes = 0 } = capabilitiesOf(worker)
  const { memory_bytes, status } = worker
  const used = memory_bytes === null || status === 'offline' ? '' : formatBytes(memory_bytes)
  if (memoryBytes === 0) return used
  return used === '' ? formatBytes(memoryBytes) : `${used} of ${formatBytes(memoryBytes)}`
}

/** `FFmpeg 7.1 · NVIDIA`. */
export function encoderOf(worker: WorkerView): string {
  const { encoder, encoderVersion = '', gpu = 'none' } = capabilitiesOf(worker)
  const name = `${encoder === 'wasm' ? 'WASM FFmpeg' : 'FFmpeg'} ${shortVersion(encoderVersion)}`
  return gpu === 'none' ? name.trim() : `${name.trim()} · ${gpuNames[gpu]}`
}

/** What the makers of GPUs are called. */
export const gpuNames = { none: 'none', nvidia: 'NVIDIA', intel: 'Intel', amd: 'AMD' } as const

/** How long the worker's process has been there; of an offline one nothing. */
export function uptimeOf({ status, session_started_at }: WorkerView, now: number): string {
  if (status === 'offline') return '—'
  const seconds = Math.max(0, (now - Date.parse(session_started_at)) / 1000)
  return seconds < 60 ? '< 1 min' : formatDuration(Math.floor(seconds / 60) * 60)
}

/** Builds of distributions carry long names after the number. */
function shortVersion(version: string): string {
  return /^n?\d+(\.\d+)*/.exec(version)?.[0] ?? version
}
