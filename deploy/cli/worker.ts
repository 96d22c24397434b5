/** `webencode worker …`: the fleet of a server, from a distance. */
import type { WorkerView } from '../../kernel/contract/job.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { clientOf, type Target } from './target.ts'

const verbs = ['drain', 'undrain', 'restart', 'remove'] as const
type WorkerVerb = (typeof verbs)[number]

/** Whether the word is a command for one worker. */
export function isWorkerVerb(word: string | undefined): word is WorkerVerb {
  return verbs.some((verb) => verb === word)
}

/** The workers, a line each, or as JSON. All functions here throw what the server answers. */
export async function listWorkers(target: Target, asJson: boolean): Promise<string> {
  const workers = await clientOf(target).workers()
  return asJson ? jsonOf(workers) : tableOf(workers, Date.now())
}

/** Commands a worker; answers what it is told to do now. */
export async function commandWorker(
  target: Target,
  verb: WorkerVerb,
  id: string,
  asJson: boolean,
): Promise<string> {
  const client = clientOf(target)
  if (verb === 'remove') {
    await client.removeWorker(id)
    return asJson ? jsonOf({ id, removed: true }) : `${id}  removed`
  }
  const worker = await client.commandWorker(id, verb)
  return asJson ? jsonOf(worker) : `${id}  ${stateOf(worker)}`
}

/** Makes a join token; answers it and when it expires. @throws WE-SYS-001 for an expiry that is no number */
export async function makeJoinToken(
  target: Target,
  expires: string | undefined,
  asJson: boolean,
): Promise<string> {
  const seconds = expires === undefined ? undefined : Number(expires)
  if (seconds !== undefined && !Number.isInteger(seconds)) {
    throw new WebEncodeError('WE-SYS-001', `--expires must be whole seconds, found "${expires}"`)
  }
  const made = await clientOf(target).createJoinToken(seconds)
  return asJson ? jsonOf(made) : made.token
}

const headings = ['ID', 'STATE', 'REGION', 'TASKS', 'CPU', 'VERSION', 'UP', 'HEARD OF']

/** The workers as a table for people. @param now - milliseconds since the epoch */
export function tableOf(workers: readonly WorkerView[], now: number): string {
  const rows = [headings, ...workers.map((worker) => rowOf(worker, now))]
  const widths = headings.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd())
    .join('\n')
}

function rowOf(worker: WorkerView, now: number): string[] {
  const isOffline = worker.status === 'offline'
  return [
    worker.id,
    stateOf(worker),
    worker.region,
    `${worker.tasks_running}/${worker.slots}`,
    worker.cpu_percent === null || isOffline ? '-' : `${Math.round(worker.cpu_percent)}%`,
    worker.version,
    isOffline ? '-' : spanSince(worker.session_started_at, now),
    `${spanSince(worker.last_heartbeat, now)} ago`,
  ]
}

const draining: Readonly<Record<WorkerView['command'], string>> = {
  work: 'draining',
  drain: 'draining',
  restart: 'restarting',
  leave: 'leaving',
}

function stateOf({ status, command }: WorkerView): string {
  if (status === 'draining') return draining[command]
  return status === 'offline' && command === 'drain' ? 'offline, drained' : status
}

function spanSince(at: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
