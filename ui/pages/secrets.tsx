/** The secrets of plugins: their names, and new values, which are never shown again. */
import type { SecretName } from '../../kernel/plugin/secrets/store.ts'
import { mostSecrets } from '../../kernel/plugin/secrets/store.ts'
import { formatCount } from '../components/format.ts'
import { DataTable } from '../components/data-table.tsx'
import { ConfirmButton, CsrfToken, TextArea, TextField } from '../components/forms.tsx'
import { Empty, PageHeading, Panel } from '../components/panels.tsx'
import { Time } from '../components/time.tsx'

/** Everything that the page shows. */
export interface SecretsView {
  readonly kind: 'sealed' | 'openbao'
  readonly secrets: readonly SecretName[]
  /** What was refused, without its value. */
  readonly form: SecretForm
  readonly csrfToken: string
  readonly now: number
}

/** The form as it comes back: the value never does. */
export interface SecretForm {
  readonly name: string
  /** By the name of the field. */
  readonly errors: Readonly<Record<string, string>>
}

/** The form before anything is typed. */
export const emptySecretForm: SecretForm = { name: '', errors: {} }

/** The whole page. */
export function SecretsPage({ view }: { view: SecretsView }) {
  const { kind, secrets } = view
  return (
    <>
      <PageHeading
        title='Secrets'
        description='Keys and passwords that plugins need. Their values are never shown again.'
      >
        {kind === 'sealed' && secrets.length > 0 && <RotateButton csrfToken={view.csrfToken} />}
      </PageHeading>
      <div class='flex flex-col gap-5'>
        <Panel title='Set a secret' description={placeSentences[kind]}>
          <SecretFields view={view} />
        </Panel>
        <Panel
          title={secrets.length === 0 ? 'Secrets' : formatCount(secrets.length, 'secret')}
          flush={secrets.length > 0}
        >
          {secrets.length === 0
            ? (
              <Empty icon='lock' title='No secrets yet'>
                A plugin that needs a key or a password names one of them.
              </Empty>
            )
            : <SecretTable view={view} />}
        </Panel>
      </div>
    </>
  )
}

const placeSentences = {
  sealed: 'They are sealed in the data folder of this server.',
  openbao:
    `They are kept in OpenBao, which does not say here when one was changed and rotates its key itself. Listed are the first ${mostSecrets} below secret/webencode; plugins may name others.`,
} as const

const nameHints = {
  sealed: 'Words joined by slashes. A secret that has this name already gets the new value.',
  openbao: 'Mount, path and field, joined by slashes. A field that is there gets the new value.',
} as const

function RotateButton({ csrfToken }: { csrfToken: string }) {
  return (
    <ConfirmButton
      id='confirm-rotate'
      action='/settings/secrets/rotate'
      csrfToken={csrfToken}
      icon='rotate-ccw'
      label='Change the key'
      question='Seal all secrets under a new key?'
      consequence='Nothing else changes. Backups of the old key do not open what is written from now on.'
      confirmLabel='Change the key'
    />
  )
}

function SecretFields({ view: { kind, form, csrfToken } }: { view: SecretsView }) {
  return (
    <form method='post' action='/settings/secrets' class='flex flex-col gap-4'>
      <CsrfToken token={csrfToken} />
      <div class='grid gap-4 md:grid-cols-2'>
        <TextField
          name='name'
          label='Name'
          value={form.name}
          placeholder='secret/webencode/s3/access_key'
          hint={nameHints[kind]}
          error={form.errors['name']}
          required
        />
        <TextArea
          name='value'
          label='Value'
          rows={3}
          hint='Kept as it is typed, and never shown again.'
          error={form.errors['value']}
          required
        />
      </div>
      <div>
        <button type='submit' class='btn'>Set the secret</button>
      </div>
    </form>
  )
}

function SecretTable({ view: { secrets, csrfToken, now } }: { view: SecretsView }) {
  return (
    <DataTable columns={['Name', 'Changed']} hasActions>
      {secrets.map(({ name, updatedAt }, i) => (
        <tr>
          <td class='font-mono text-xs break-all whitespace-normal'>{name}</td>
          <td class='text-muted-foreground'>
            {updatedAt === null ? '—' : <Time at={updatedAt} now={now} />}
          </td>
          <td class='text-end'>
            <ConfirmButton
              id={`confirm-secret-${i}`}
              action={`/settings/secrets/delete?name=${encodeURIComponent(name)}`}
              csrfToken={csrfToken}
              icon='trash'
              label='Delete'
              question={`Delete "${name}"?`}
              consequence='Plugins that need it fail from then on.'
              confirmLabel='Delete the secret'
              variant='danger'
              size='xs'
              accessibleLabel={`Delete ${name}`}
            />
          </td>
        </tr>
      ))}
    </DataTable>
  )
}
