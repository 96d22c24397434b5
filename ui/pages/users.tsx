/** Who may sign in, what they have open, and how to end it. */
import { roles } from '../../kernel/contract/auth.ts'
import { type AddedUser, type ListedUser, passwordLength } from '../../kernel/contract/user.ts'
import { listSessions, type Session } from '../../kernel/db/sessions.ts'
import { listUsers } from '../../kernel/http/users.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { nameOfBrowser } from '../components/browser-name.ts'
import { formatCount } from '../components/format.ts'
import { ConfirmButton, CsrfToken, SelectField, TextField } from '../components/forms.tsx'
import { Empty, PageHeading, Panel, ShownOnce } from '../components/panels.tsx'
import { Time } from '../components/time.tsx'
import type { UiDeps } from '../deps.ts'

/** A session of the list. */
export type SessionRow = Pick<Session, 'idHash' | 'username' | 'clientIp' | 'userAgent'> & {
  readonly createdAt: string
  readonly isOwn: boolean
}

/** Everything that the page shows. */
export interface UsersView {
  readonly users: readonly ListedUser[]
  readonly sessions: readonly SessionRow[]
  /** Shown this once. */
  readonly added: AddedUser | undefined
  readonly form: UserForm
  readonly csrfToken: string
  readonly now: number
}

/** The form as it comes back: the password never does. */
export interface UserForm {
  readonly username: string
  readonly role: string
  /** By the name of the field. */
  readonly errors: Readonly<Record<string, string>>
}

/** The form before anything is typed. */
const emptyUserForm: UserForm = { username: '', role: 'viewer', errors: {} }

const mostSessions = 500

/** Everybody, and what is open. @param isOwn - tells the reader's own session */
export async function loadUsers(
  deps: UiDeps,
  csrfToken: string,
  isOwn: (session: Session) => boolean,
  shown: { readonly added?: AddedUser; readonly form?: UserForm } = {},
): Promise<UsersView> {
  const [users, sessions] = await Promise.all([
    listUsers(deps),
    listSessions(deps.db, { limit: mostSessions }),
  ])
  return {
    users,
    sessions: sessions.map((session) => ({
      ...session,
      createdAt: session.createdAt.toISOString(),
      isOwn: isOwn(session),
    })),
    added: shown.added,
    form: shown.form ?? emptyUserForm,
    csrfToken,
    now: deps.clock.now(),
  }
}

/** The whole page. */
export function UsersPage({ view }: { view: UsersView }) {
  return (
    <>
      <PageHeading
        title='Users'
        description='Who may sign in here, and what they may do.'
      />
      <div class='flex flex-col gap-5'>
        {view.added && (
          <Panel title={`Token of ${view.added.username}`}>
            <ShownOnce token={view.added.token} />
          </Panel>
        )}
        <Panel title={formatCount(view.users.length, 'user')} flush>
          <UserTable view={view} />
        </Panel>
        <Panel
          title='Add a user'
          description='People of an htpasswd file, a directory, an identity provider or a proxy need no entry here.'
        >
          <AddUserForm view={view} />
        </Panel>
        <Panel title={formatCount(view.sessions.length, 'session')} flush>
          {view.sessions.length === 0
            ? <Empty icon='users' title='Nobody is signed in' />
            : <SessionTable view={view} />}
        </Panel>
      </div>
    </>
  )
}

const roleChoices = roles.map((role) => [role, role] as const)

function AddUserForm({ view: { form, csrfToken } }: { view: UsersView }) {
  return (
    <form method='post' action='/settings/users' class='flex flex-col gap-4'>
      <CsrfToken token={csrfToken} />
      <div class='grid gap-4 sm:grid-cols-3'>
        <TextField
          name='username'
          label='Name'
          value={form.username}
          error={form.errors['username']}
          required
        />
        <SelectField
          name='role'
          label='Role'
          value={form.role}
          options={roleChoices}
          error={form.errors['role']}
        />
        <TextField
          name='password'
          label='Password'
          type='password'
          autocomplete='new-password'
          error={form.errors['password']}
          hint={`At least ${passwordLength.min} characters. Leave it empty for somebody who uses only a link or a token.`}
        />
      </div>
      <div>
        <button type='submit' class='btn'>Add the user</button>
      </div>
    </form>
  )
}

const userColumns: readonly Column[] = ['User', 'Role', ['Last seen', 'hidden sm:table-cell']]

function UserTable({ view: { users, csrfToken, now } }: { view: UsersView }) {
  return (
    <DataTable columns={userColumns} hasActions>
      {users.map((user, i) => (
        <tr>
          <td class='sm:w-full sm:max-w-0'>
            <span class='block truncate font-medium' title={user.username}>{user.username}</span>
            <span class='block truncate text-xs text-muted-foreground'>
              {user.email || user.id}
            </span>
          </td>
          <td>
            {user.is_kept_here ? <RoleForm user={user} csrfToken={csrfToken} /> : user.role}
          </td>
          <td class='hidden text-muted-foreground sm:table-cell'>
            {user.last_login_at === null ? 'never' : <Time at={user.last_login_at} now={now} />}
          </td>
          <td>
            <UserActions user={user} index={i} csrfToken={csrfToken} />
          </td>
        </tr>
      ))}
    </DataTable>
  )
}

/** A choice and a button, which also works without scripts. */
function RoleForm({ user, csrfToken }: { user: ListedUser; csrfToken: string }) {
  const action = `/settings/users/role?user=${encodeURIComponent(user.id)}`
  return (
    <form method='post' action={action} class='flex items-center gap-1'>
      <CsrfToken token={csrfToken} />
      <select class='select w-28' name='role' aria-label={`Role of ${user.username}`}>
        {roles.map((role) => <option value={role} selected={role === user.role}>{role}</option>)}
      </select>
      <button
        type='submit'
        class='btn'
        data-variant='ghost'
        data-size='xs'
        aria-label={`Set the role of ${user.username}`}
      >
        Set
      </button>
    </form>
  )
}

function UserActions(
  { user, index, csrfToken }: { user: ListedUser; index: number; csrfToken: string },
) {
  const query = `?user=${encodeURIComponent(user.id)}`
  return (
    <div class='flex justify-end gap-0.5'>
      {user.sessions > 0 && (
        <ConfirmButton
          id={`confirm-sessions-${index}`}
          action={`/settings/users/end-sessions${query}`}
          csrfToken={csrfToken}
          icon='log-out'
          label={`End ${formatCount(user.sessions, 'session')}`}
          question={`Sign ${user.username} out everywhere?`}
          consequence='Their browsers are signed out at once, on every server. They may sign in again.'
          confirmLabel='End the sessions'
          size='xs'
          accessibleLabel={`End the sessions of ${user.username}`}
        />
      )}
      {user.tokens > 0 && (
        <ConfirmButton
          id={`confirm-tokens-${index}`}
          action={`/settings/users/take-back-tokens${query}`}
          csrfToken={csrfToken}
          icon='trash'
          label={`Take back ${formatCount(user.tokens, 'token')}`}
          question={`Take back the API tokens of ${user.username}?`}
          consequence='Programs that show them are refused from now on.'
          confirmLabel='Take the tokens back'
          variant='danger'
          size='xs'
          accessibleLabel={`Take back the tokens of ${user.username}`}
        />
      )}
      {user.is_kept_here && (
        <ConfirmButton
          id={`confirm-user-${index}`}
          action={`/settings/users/delete${query}`}
          csrfToken={csrfToken}
          icon='trash'
          label='Delete'
          question={`Delete ${user.username}?`}
          consequence='Their sessions end and their tokens are refused. Their jobs stay.'
          confirmLabel='Delete the user'
          variant='danger'
          size='xs'
          accessibleLabel={`Delete ${user.username}`}
        />
      )}
    </div>
  )
}

function SessionTable({ view: { sessions, csrfToken, now } }: { view: UsersView }) {
  return (
    <DataTable columns={['User', 'From', 'Since']} hasActions>
      {sessions.map((session, i) => (
        <tr>
          <td>
            {session.username}
            {session.isOwn && <span class='text-muted-foreground'>{' '}(this one)</span>}
          </td>
          <td class='max-w-80'>
            <span class='block font-mono text-xs'>{session.clientIp}</span>
            <span
              class='block truncate text-xs text-muted-foreground'
              title={session.userAgent}
            >
              {nameOfBrowser(session.userAgent)}
            </span>
          </td>
          <td>
            <Time at={session.createdAt} now={now} />
          </td>
          <td class='text-end'>
            <ConfirmButton
              id={`confirm-session-${i}`}
              action={`/settings/sessions/${session.idHash}/end`}
              csrfToken={csrfToken}
              icon='log-out'
              label='End'
              question={`End this session of ${session.username}?`}
              consequence='That browser is signed out at once.'
              confirmLabel='End the session'
              size='xs'
              accessibleLabel={`End a session of ${session.username}`}
            />
          </td>
        </tr>
      ))}
    </DataTable>
  )
}
