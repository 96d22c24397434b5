/** The buttons of a worker: each a form, each shown to who may press it, when it makes sense. */
import type { WorkerView } from '../../kernel/contract/job.ts'
import { ConfirmButton, PostButton } from './forms.tsx'

/** What the reader may do with workers. */
export interface WorkerRights {
  /** Token for the forms. */
  readonly csrfToken: string
  readonly canOperate: boolean
  readonly canRemove: boolean
}

/** The buttons; in a row of the list they are small, and lead back to the list. */
export function WorkerActions(
  { worker, rights, inList = false }: {
    worker: WorkerView
    rights: WorkerRights
    inList?: boolean
  },
) {
  const button = { csrfToken: rights.csrfToken, ...inList ? quiet : loud }
  const actionOf = (verb: string) =>
    `/workers/${encodeURIComponent(worker.id)}/${verb}${inList ? '?back=list' : ''}`
  const mayDrain = worker.command === 'work'
  const mayUndrain = worker.command === 'drain'
  const mayRestart = worker.status !== 'offline' && (mayDrain || mayUndrain)
  return (
    <div class={`flex ${inList ? 'justify-end gap-0.5' : 'flex-wrap gap-2'}`}>
      {rights.canOperate && mayDrain && (
        <PostButton
          {...button}
          {...(!inList && { icon: 'pause' })}
          action={actionOf('drain')}
          label='Drain'
          accessibleLabel={`Drain ${worker.id}`}
        />
      )}
      {rights.canOperate && mayUndrain && (
        <PostButton
          {...button}
          {...(!inList && { icon: 'play' })}
          action={actionOf('undrain')}
          label='Undrain'
          accessibleLabel={`Undrain ${worker.id}`}
        />
      )}
      {rights.canOperate && mayRestart && (
        <PostButton
          {...button}
          {...(!inList && { icon: 'rotate-ccw' })}
          action={actionOf('restart')}
          label='Restart'
          accessibleLabel={`Restart ${worker.id}`}
        />
      )}
      {rights.canRemove && worker.command !== 'leave' && (
        <ConfirmButton
          id={`confirm-remove-${worker.id}`}
          action={actionOf('remove')}
          csrfToken={rights.csrfToken}
          icon='trash'
          label='Remove'
          question={`Remove ${worker.id}?`}
          consequence={consequenceOf(worker)}
          confirmLabel='Remove the worker'
          variant='danger'
          size={button.size}
          accessibleLabel={`Remove ${worker.id}`}
        />
      )}
    </div>
  )
}

const quiet = { variant: 'ghost', size: 'xs' } as const
const loud = { variant: 'outline', size: 'sm' } as const

function consequenceOf({ status, tasks_running }: WorkerView): string {
  const credential = 'Its credential is revoked: to come back it needs a new join token.'
  if (status === 'offline') return `It is deleted from this list. ${credential}`
  return tasks_running === 0
    ? `Its process ends. ${credential}`
    : `It finishes what it has in hand, then its process ends. ${credential}`
}
