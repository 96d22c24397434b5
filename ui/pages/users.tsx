/** Who may sign in, what they have open, and how to end it. */
import type { UserProfile } from '../../kernel/contract/auth.ts'
import { type KnownUserCounts, listKnownUsers } from '../../kernel/db/known-users.ts'
import { listSessions, type Session } from '../../kernel/db/sessions.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatCount } from '../components/format.ts'
import { ConfirmButton } from '../components/forms.tsx'
import { Empty, PageHeading, Panel } from '../components/panels.tsx'
import { Time } from '../components/time.tsx'
import type { UiDeps } from '../deps.ts'

/** One user of the list. */
export interface UserRow {
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly role: string
  readonly sessions: number
  readonly tokens: number
  /** Absent: never. */
  readonly lastLoginAt?: string
}

/** A session of the list. */
export type SessionRow = Pick<Session, 'idHash' | 'username' | 'clientIp' | 'userAgent'> & {
  readonly createdAt: string
  readonly isOwn: boolean
}

/** Everything that the page shows. */
export interface UsersView {
  readonly users: readonly UserRow[]
  readonly sessions: readonly SessionRow[]
  readonly csrfToken: string
  readonly now: number
}

const mostUsers = 500

/** Everybody who ever signed in, and who may but never did. @param isOwn - tells the reader's own session */
export async function loadUsers(
  { db, auth, clock }: UiDeps,
  csrfToken: string,
  isOwn: (session: Session) => boolean,
): Promise<UsersView> {
  const [known, listed, sessions] = await Promise.all([
    listKnownUsers(db, mostUsers),
    auth.listUsers({ page: 1, pageSize: mostUsers }),
    listSessions(db, { limit: mostUsers }),
  ])
  const now = new Map(listed.users.map((user) => [user.userId, user]))
  const seen = new Set(known.map(({ userId }) => userId))
  const strangers = listed.users.filter(({ userId }) => !seen.has(userId))
  return {
    users: [
      ...known.map((user) => rowFrom(user, now.get(user.userId))),
      ...strangers.map((user) => ({ ...user, sessions: 0, tokens: 0 })),
    ],
    sessions: sessions.map((session) => ({
      ...session,
      createdAt: session.createdAt.toISOString(),
      isOwn: isOwn(session),
    })),
    csrfToken,
    now: clock.now(),
  }
}

/** The role of now is right; the other is that of the last time. */
function rowFrom(user: KnownUserCounts, now: UserProfile | undefined): UserRow {
  const role = now?.role ?? user.role
  return { ...user, role, lastLoginAt: user.lastLoginAt.toISOString() }
}

/** The whole page. */
export function UsersPage({ view }: { view: UsersView }) {
  return (
    <>
      <PageHeading
        title='Users'
        description='Who may sign in here, with the role that they have now.'
      />
      <div class='flex flex-col gap-5'>
        <Panel title={formatCount(view.users.length, 'user')} flush>
          <UserTable view={view} />
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

const userColumns: readonly Column[] = [
  'User',
  'Role',
  ['Last seen', 'hidden sm:table-cell'],
]

function UserTable({ view: { users, csrfToken, now } }: { view: UsersView }) {
  return (
    <DataTable columns={userColumns} hasActions>
      {users.map((user, i) => (
        <tr>
          <td>
            <span class='block font-medium'>{user.username}</span>
            <span class='block text-xs text-muted-foreground'>{user.email || user.userId}</span>
          </td>
          <td>{user.role}</td>
          <td class='hidden text-muted-foreground sm:table-cell'>
            {user.lastLoginAt === undefined ? 'never' : <Time at={user.lastLoginAt} now={now} />}
          </td>
          <td>
            <UserActions user={user} index={i} csrfToken={csrfToken} />
          </td>
        </tr>
      ))}
    </DataTable>
  )
}

function UserActions(
  { user, index, csrfToken }: { user: UserRow; index: number; csrfToken: string },
) {
  const query = `?user=${encodeURIComponent(user.userId)}`
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
            <span class='block truncate text-xs text-muted-foreground'>
              {session.userAgent}
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
