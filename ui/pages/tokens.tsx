/** One's own API tokens: what they are for, until when, and a new one. */
import { roleCovers } from '../../kernel/contract/access.ts'
import { type Role, roles } from '../../kernel/contract/auth.ts'
import type { ApiTokenView, NewApiToken } from '../../kernel/contract/token.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { ConfirmButton, CsrfToken, SelectField, TextField } from '../components/forms.tsx'
import { Empty, PageHeading, Panel, ShownOnce } from '../components/panels.tsx'
import { Time } from '../components/time.tsx'

/** Everything that the page shows. */
export interface TokensView {
  readonly tokens: readonly ApiTokenView[]
  /** Shown this once. */
  readonly made?: NewApiToken | undefined
  /** A new token has at most this. */
  readonly ownRole: Role
  readonly csrfToken: string
  readonly now: number
}

const day = 86_400

/** Choices of the form: seconds, and what people read. */
const lifeChoices = [
  [String(30 * day), '30 days'],
  [String(day), 'A day'],
  [String(90 * day), '90 days'],
  [String(365 * day), 'A year'],
  ['', 'Never'],
] as const

/** The whole page. */
export function TokensPage({ view }: { view: TokensView }) {
  const { tokens, made } = view
  return (
    <>
      <PageHeading
        title='API tokens'
        description='Programs show a token in place of your password. It can do what you can, or less.'
      />
      <div class='flex flex-col gap-5'>
        {made && <MadeToken made={made} />}
        <Panel title='New token'>
          <NewTokenForm view={view} />
        </Panel>
        <Panel title='Your tokens' flush={tokens.length > 0}>
          {tokens.length === 0
            ? <Empty icon='key-round' title='No tokens yet'>Make one for each program.</Empty>
            : <TokenTable view={view} />}
        </Panel>
      </div>
    </>
  )
}

function MadeToken({ made }: { made: NewApiToken }) {
  return (
    <Panel title={`Token "${made.name}"`}>
      <ShownOnce token={made.token} />
    </Panel>
  )
}

function NewTokenForm({ view: { ownRole, csrfToken } }: { view: TokensView }) {
  const choices = roles.filter((role) => roleCovers(ownRole, role))
    .map((role) => [role, role] as const)
  return (
    <form method='post' action='/settings/tokens' class='flex flex-col gap-4'>
      <CsrfToken token={csrfToken} />
      <div class='grid gap-4 sm:grid-cols-3'>
        <TextField name='name' label='What it is for' placeholder='Nightly upload' required />
        <SelectField name='role' label='Role' value={ownRole} options={choices} />
        <SelectField
          name='expires_in_seconds'
          label='Expires after'
          value={lifeChoices[0][0]}
          options={lifeChoices}
        />
      </div>
      <div>
        <button type='submit' class='btn'>Make the token</button>
      </div>
    </form>
  )
}

const tokenColumns: readonly Column[] = [
  'For',
  'Role',
  ['Last used', 'hidden sm:table-cell'],
  'Expires',
]

function TokenTable({ view: { tokens, csrfToken, now } }: { view: TokensView }) {
  return (
    <DataTable columns={tokenColumns} hasActions>
      {tokens.map((token) => (
        <tr>
          <td>
            <span class='block font-medium'>{token.name}</span>
            <span class='block font-mono text-xs text-muted-foreground'>{token.id}</span>
          </td>
          <td>{token.role}</td>
          <td class='hidden text-muted-foreground sm:table-cell'>
            {token.last_used_at === null ? 'never' : <Time at={token.last_used_at} now={now} />}
          </td>
          <td>
            <span class='text-muted-foreground sm:hidden'>Expires{' '}</span>
            {token.expires_at === null ? 'never' : <Time at={token.expires_at} now={now} />}
          </td>
          <td class='text-end'>
            <ConfirmButton
              id={`confirm-${token.id}`}
              action={`/settings/tokens/${token.id}/delete`}
              csrfToken={csrfToken}
              icon='trash'
              label='Take back'
              question={`Take back "${token.name}"?`}
              consequence='Programs that show it are refused from now on.'
              confirmLabel='Take the token back'
              variant='danger'
              size='xs'
              accessibleLabel={`Take back ${token.name}`}
            />
          </td>
        </tr>
      ))}
    </DataTable>
  )
}
