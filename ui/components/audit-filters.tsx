/** The form above the audit: one GET form, which works without scripts. */
import { auditKinds, auditOutcomes } from '../../kernel/contract/audit.ts'
import { SummaryMark } from './icons.tsx'
import { labelOfKind, labelOfOutcome } from './audit-list.tsx'

/** What the form holds. */
export interface AuditFilterValues {
  readonly kind?: string | undefined
  readonly outcome?: string | undefined
  readonly action: string
  readonly actor: string
  readonly resource: string
  readonly from: string
  readonly to: string
}

/** Filters, joined by "and". */
export function AuditFilters({ query }: { query: AuditFilterValues }) {
  return (
    <form
      method='get'
      action='/audit'
      role='search'
      class='flex flex-col gap-3 border-b border-border px-5 py-4'
    >
      <div class='grid grid-cols-2 gap-3 lg:grid-cols-[1fr_1fr_auto]'>
        <Word name='action' label='Action' value={query.action} placeholder='job or job.create' />
        <Word name='actor' label='Who' value={query.actor} placeholder='User name or id' />
        <div class='col-span-2 flex items-end gap-2 lg:col-span-1'>
          <button type='submit' class='btn' data-variant='outline'>Filter</button>
          <a class='btn' data-variant='ghost' href='/audit'>Clear</a>
        </div>
      </div>
      <details open={hasMore(query)}>
        <summary class='flex w-fit items-center gap-1.5 text-xs font-medium text-muted-foreground hover:text-foreground'>
          <SummaryMark />
          More filters
        </summary>
        <MoreFilters query={query} />
      </details>
    </form>
  )
}

function hasMore({ kind, outcome, resource, from, to }: AuditFilterValues): boolean {
  return [kind, outcome, resource, from, to].some((value) => value !== undefined && value !== '')
}

function MoreFilters({ query }: { query: AuditFilterValues }) {
  return (
    <div class='mt-3 grid grid-cols-2 gap-3 lg:grid-cols-5'>
      <Choice
        name='kind'
        label='Kind'
        value={query.kind}
        all='All kinds'
        options={auditKinds.map((kind) => [kind, labelOfKind(kind)])}
      />
      <Choice
        name='outcome'
        label='Outcome'
        value={query.outcome}
        all='All outcomes'
        options={auditOutcomes.map((outcome) => [outcome, labelOfOutcome(outcome)])}
      />
      <Word name='resource' label='Resource' value={query.resource} placeholder='Id' />
      <Word name='from' label='From day (UTC)' value={query.from} type='date' />
      <Word name='to' label='To day (UTC)' value={query.to} type='date' />
    </div>
  )
}

function Choice(
  { name, label, value, all, options }: {
    name: string
    label: string
    value: string | undefined
    all: string
    options: readonly (readonly [string, string])[]
  },
) {
  return (
    <label class='flex min-w-0 flex-col gap-1.5'>
      <span class='text-xs font-medium text-muted-foreground'>{label}</span>
      <select class='select w-full' name={name} data-submit>
        <option value=''>{all}</option>
        {options.map(([word, text]) => (
          <option value={word} selected={word === value}>{text}</option>
        ))}
      </select>
    </label>
  )
}

function Word(
  { name, label, value, placeholder, type = 'text' }: {
    name: string
    label: string
    value: string
    placeholder?: string
    type?: 'text' | 'date'
  },
) {
  return (
    <label class='flex min-w-0 flex-col gap-1.5'>
      <span class='text-xs font-medium text-muted-foreground'>{label}</span>
      <input
        class='input'
        type={type}
        name={name}
        value={value}
        placeholder={placeholder}
        autocomplete='off'
      />
    </label>
  )
}
