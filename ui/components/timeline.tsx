/** The timeline of a job: what its actors heard, in words. */
import type { JobEventView } from '../../kernel/contract/job.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { type TaskKind, taskKinds } from '../../kernel/contract/task.ts'
import { Icon, type IconName } from './icons.tsx'
import type { Tone } from './status.tsx'
import { nameOfTask } from './task-table.tsx'
import { Time } from './time.tsx'

/** An event in words. */
export interface Step {
  readonly text: string
  readonly icon: IconName
  readonly tone: Tone
}

const toneClasses: Record<Tone, string> = {
  neutral: 'text-muted-foreground',
  active: 'text-brand',
  success: 'text-success-text',
  warning: 'text-warning-text',
  danger: 'text-danger-text',
}

/** Newest first. Events that only repeat what another one says are left out. */
export function Timeline(
  { jobId, events, now }: {
    jobId: string
    events: readonly JobEventView[]
    now: number
  },
) {
  return <StepList events={events} stepOf={(event) => stepFrom(event, jobId)} now={now} />
}

/** Events in words, newest first. */
export function StepList(
  { events, stepOf, now }: {
    events: readonly JobEventView[]
    stepOf: (event: JobEventView) => Step | undefined
    now: number
  },
) {
  return (
    <ol class='flex max-h-96 flex-col gap-3 overflow-y-auto'>
      {events.toReversed().map((event) => {
        const step = stepOf(event)
        return step && (
          <li id={`event-${event.id}`} class='flex items-start gap-2.5'>
            <Icon name={step.icon} class={`mt-0.5 size-4 ${toneClasses[step.tone]}`} />
            <span class='min-w-0 flex-1 break-words'>{step.text}</span>
            <span class='text-xs text-muted-foreground'>
              <Time at={event.at} now={now} />
            </span>
          </li>
        )
      })}
    </ol>
  )
}

/** What an event means to a person; undefined when another event says it better. */
export function stepFrom(event: JobEventView, jobId: string): Step | undefined {
  return event.actor_id === jobId ? jobStepFrom(event) : taskStepFrom(event)
}

function jobStepFrom({ type, data }: JobEventView): Step | undefined {
  switch (type) {
    case 'xstate.init':
      return { text: 'Job created', icon: 'circle-plus', tone: 'neutral' }
    case 'cancel': {
      const by = field(data, 'by')
      return { text: by ? `Cancelled by ${by}` : 'Cancelled', icon: 'ban', tone: 'neutral' }
    }
    case 'taskFailed':
      return { text: 'The job failed', icon: 'circle-x', tone: 'danger' }
    case 'taskDamaged':
      return { text: 'Damaged intermediates are made again', icon: 'repeat-2', tone: 'warning' }
    // The task says it.
    case 'taskStarted':
    case 'taskFinished':
      return undefined
    default:
      return { text: type, icon: 'info', tone: 'neutral' }
  }
}

function taskStepFrom({ type, data, actor_id }: JobEventView): Step | undefined {
  const task = taskNameFrom(actor_id)
  switch (type) {
    case 'xstate.init':
    case 'jobEnded':
    case 'inputsReady':
    case 'hedgeStarted':
    case 'hedgeLost':
      return undefined
    case 'claim': {
      const worker = field(data, 'workerId') ?? 'a worker'
      return { text: `${task} started on ${worker}`, icon: 'play', tone: 'neutral' }
    }
    case 'finish':
      return { text: finishedText(actor_id), icon: 'check', tone: 'success' }
    case 'fail':
      return {
        text: `${task}: ${failureMessage(data) ?? 'failed'}`,
        icon: 'circle-alert',
        tone: 'danger',
      }
    case 'leaseExpired':
    case 'workerLost':
      return { text: `${task}: its worker was lost`, icon: 'wifi-off', tone: 'warning' }
    case 'release':
      return { text: `${task}: given back by its worker`, icon: 'repeat-2', tone: 'warning' }
    case 'requeue':
      return { text: `${task}: started over by hand`, icon: 'repeat-2', tone: 'warning' }
    case 'hedge':
      return { text: `${task}: slow, offered to another worker`, icon: 'repeat-2', tone: 'warning' }
    case 'outdone':
      return { text: `${task}: finished by its second run`, icon: 'check', tone: 'success' }
    case 'withdraw':
      return { text: `${task}: not needed any more`, icon: 'ban', tone: 'neutral' }
    case 'redo':
      return { text: `${task}: made again`, icon: 'repeat-2', tone: 'warning' }
    default:
      // Timers of the machine: the task is ready again.
      return type.startsWith('xstate.after')
        ? { text: `${task}: ready again`, icon: 'clock', tone: 'neutral' }
        : { text: `${task}: ${type}`, icon: 'info', tone: 'neutral' }
  }
}

/** How the end of a task is told; of chunks, with their number. */
const finishedWords: Readonly<Partial<Record<string, string>>> = {
  probe: 'Source read',
  audio: 'Audio encoded',
  stitch: 'Chunks joined',
  remux: 'Streams copied',
  verify: 'Result checked, job complete',
}

function finishedText(taskId: string): string {
  const [, kind = ''] = taskIdPattern.exec(taskId) ?? []
  return finishedWords[kind] ?? `${taskNameFrom(taskId)} encoded`
}

const taskIdPattern = /\.([a-z]+)\.(\d+)$/

/** The name of a task by its id: `….encode.00011` is `Chunk 12`, `….hedge.00011` its second run. */
export function taskNameFrom(taskId: string): string {
  const [, kind, index] = taskIdPattern.exec(taskId) ?? []
  if (kind === 'hedge') {
    return `Second run of chunk ${Number(index) + 1}`
  }
  const known = taskKinds.find((candidate): candidate is TaskKind => candidate === kind)
  return known === undefined ? taskId : nameOfTask({ kind: known, sequence_index: Number(index) })
}

function failureMessage(data: Json): string | undefined {
  return field(isRecord(data) ? data['failure'] ?? null : null, 'message')
}

/** A text of an event's data. */
export function field(data: Json, name: string): string | undefined {
  const value = isRecord(data) ? data[name] : undefined
  return typeof value === 'string' ? value : undefined
}

function isRecord(data: Json): data is { readonly [key: string]: Json } {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}
