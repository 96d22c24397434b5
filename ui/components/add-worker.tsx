/** How another machine becomes a worker: a one-time token, and the command to run there. */
import type { JoinTokenView, NewJoinToken } from '../../kernel/contract/worker.ts'
import { PostButton } from './forms.tsx'
import { Icon } from './icons.tsx'
import { CopyBox, Panel } from './panels.tsx'
import { Time } from './time.tsx'

/** What only admins see. */
export interface Joining {
  /** Address of the bus as workers reach it; absent where there is one process and no bus between machines. */
  readonly busUrl: string | undefined
  /** Tokens that still wait for their worker. */
  readonly tokens: readonly JoinTokenView[]
  /** The token that was just made. */
  readonly made: NewJoinToken | undefined
}

/** The command that starts a worker on another machine, in a POSIX shell. */
export function joinCommand(busUrl: string, token: string): string {
  return `NATS_URL=${quoted(busUrl)} WEBENCODE_JOIN_TOKEN=${
    quoted(token)
  } WORKER_ID=$(hostname) npm run worker`
}

/** The new token, or how to get one, and those that wait. */
export function AddWorker(
  { joining, csrfToken, now }: { joining: Joining; csrfToken: string; now: number },
) {
  const { busUrl, tokens, made } = joining
  return (
    <Panel
      id='add-worker'
      title='Add a worker'
      description='A worker needs a connection out to this server, and nothing in.'
      action={busUrl !== undefined && (
        <PostButton
          action='/workers/tokens'
          csrfToken={csrfToken}
          icon='plus'
          label={made === undefined ? 'Make a join token' : 'Make another token'}
          variant={made === undefined ? 'primary' : 'outline'}
        />
      )}
    >
      <div class='flex flex-col gap-4'>
        {busUrl === undefined && (
          <p class='text-muted-foreground'>
            This server runs as one process. Start it with <code class='font-mono'>NATS_URL</code>
            {' '}
            and <code class='font-mono'>DATABASE_URL</code>, and workers on other machines may join.
          </p>
        )}
        {busUrl !== undefined && made !== undefined && (
          <NewToken busUrl={busUrl} made={made} now={now} />
        )}
        {tokens.length > 0 && <WaitingTokens tokens={tokens} csrfToken={csrfToken} now={now} />}
      </div>
    </Panel>
  )
}

function NewToken({ busUrl, made, now }: { busUrl: string; made: NewJoinToken; now: number }) {
  const command = joinCommand(busUrl, made.token)
  return (
    <div class='flex flex-col gap-2' role='status'>
      <p>
        Run this in a checkout of WebEncode on the new machine. The token is shown this once, lets
        one worker in, and expires <Time at={made.expires_at} now={now} />.
      </p>
      <CopyBox text={command} />
    </div>
  )
}

function WaitingTokens(
  { tokens, csrfToken, now }: {
    tokens: readonly JoinTokenView[]
    csrfToken: string
    now: number
  },
) {
  return (
    <ul class='flex flex-col gap-1.5' aria-label='Tokens that wait for a worker'>
      {tokens.map((token) => (
        <li class='flex flex-wrap items-center gap-x-3 gap-y-1 text-muted-foreground'>
          <Icon name='clock' />
          <span class='font-mono text-xs'>{token.id}</span>
          <span>
            made by {token.created_by}, expires <Time at={token.expires_at} now={now} />
          </span>
          <PostButton
            action={`/workers/tokens/${token.id}/delete`}
            csrfToken={csrfToken}
            label='Take back'
            variant='ghost'
            size='xs'
            accessibleLabel={`Take back ${token.id}`}
          />
        </li>
      ))}
    </ul>
  )
}

/** As one word of a shell, unless it is one already. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
