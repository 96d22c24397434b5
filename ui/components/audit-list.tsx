/** Audit events as a table, and what their kinds and outcomes are called. */
import type { AuditEventView, AuditKind, AuditOutcome } from '../../kernel/contract/audit.ts'
import { type Column, DataTable } from './data-table.tsx'
import { Icon, type IconName } from './icons.tsx'
import type { Tone } from './status.tsx'
import { Time } from './time.tsx'

const outcomeLooks: Record<AuditOutcome, { label: string; tone: Tone; icon: IconName }> = {
  allowed: { label: 'Done', tone: 'success', icon: 'circle-check' },
  refused: { label: 'Refused', tone: 'warning', icon: 'ban' },
  failed: { label: 'Failed', tone: 'danger', icon: 'circle-alert' },
}

const kindLabels: Record<AuditKind, string> = {
  user_action: 'People',
  system: 'System',
}

/** The name of an outcome. */
export function labelOfOutcome(outcome: AuditOutcome): string {
  return outcomeLooks[outcome].label
}

/** The name of a kind. */
export function labelOfKind(kind: AuditKind): string {
  return kindLabels[kind]
}

const eventColumns: readonly Column[] = [
  'What',
  'Outcome',
  ['Who', 'hidden sm:table-cell'],
  ['Details', 'hidden lg:table-cell'],
  ['When', 'hidden text-end sm:table-cell'],
]

/** A table of events; on small screens who and where go below what. */
export function AuditTable({ events, now }: { events: readonly AuditEventView[]; now: number }) {
  return (
    <DataTable columns={eventColumns}>
      {events.map((event) => <AuditRow event={event} now={now} />)}
    </DataTable>
  )
}

function AuditRow({ event, now }: { event: AuditEventView; now: number }) {
  return (
    <tr>
      <td class='w-full max-w-0 sm:w-2/5'>
        <span class='block font-medium' title={event.action}>{titleOf(event)}</span>
        <Resource event={event} />
        <span class='flex flex-wrap gap-x-3 text-muted-foreground sm:hidden'>
          {nameOf(event)} <Time at={event.at} now={now} />
        </span>
      </td>
      <td>
        <OutcomeBadge outcome={event.outcome} />
      </td>
      <td class='hidden sm:table-cell'>
        <span class='block'>{nameOf(event)}</span>
        <span class='block text-muted-foreground'>
          {[event.actor_role, event.client_ip].filter((fact) => fact !== null).join(' · ')}
        </span>
      </td>
      <td class='hidden max-w-0 w-1/4 lg:table-cell'>
        <Details event={event} />
      </td>
      <td class='hidden text-end text-muted-foreground sm:table-cell'>
        <Time at={event.at} now={now} />
      </td>
    </tr>
  )
}

function Resource({ event: { resource_id: id, resource_type: type } }: { event: AuditEventView }) {
  if (id === null) return null
  const path = type === 'job' ? '/jobs/' : type === 'worker' ? '/workers/' : undefined
  return path === undefined
    ? <span class='block truncate text-muted-foreground' title={id}>{id}</span>
    : (
      <a
        class='block truncate text-muted-foreground hover:underline'
        title={id}
        href={`${path}${encodeURIComponent(id)}`}
      >
        {id}
      </a>
    )
}

function Details({ event: { detail, correlation_id: correlationId } }: { event: AuditEventView }) {
  const facts = Object.entries(detail).map(([name, value]) =>
    `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`
  )
  const text = [...facts, ...(correlationId === '' ? [] : [correlationId])].join(' · ')
  return <span class='block truncate text-muted-foreground' title={text}>{text}</span>
}

function OutcomeBadge({ outcome }: { outcome: AuditOutcome }) {
  const { label, tone, icon } = outcomeLooks[outcome]
  return (
    <span class='badge' data-tone={tone}>
      <Icon name={icon} />
      {label}
    </span>
  )
}

/** `Create job` of what somebody did, `Worker joined` of what happened; a deed of several words says enough alone. */
function titleOf({ kind, action }: AuditEventView): string {
  const [thing = '', deed = ''] = action.split('.').map((part) => part.replaceAll('_', ' '))
  const words = kind === 'system'
    ? `${thing} ${deed}`
    : deed.includes(' ')
    ? deed
    : `${deed} ${thing}`
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function nameOf({ actor_name: name, actor_id: id }: AuditEventView): string {
  return name ?? id ?? 'unknown'
}
