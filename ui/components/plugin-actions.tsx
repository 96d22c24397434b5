/** The buttons of a plugin: each a form, shown to who may press it, when it makes sense. */
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { ConfirmButton, PostButton } from './forms.tsx'
import { pluginPath } from './plugin-words.ts'

/** What the reader may do with plugins. */
export interface PluginRights {
  /** Token for the forms. */
  readonly csrfToken: string
  readonly canManage: boolean
}

/** The buttons; none for a part of the kernel, and for the encoder that every worker has only the switch. */
export function PluginActions({ plugin, rights }: { plugin: PluginView; rights: PluginRights }) {
  if (!rights.canManage || !plugin.can_be_disabled) return null
  const actionOf = (verb: string) => `${pluginPath(plugin.id)}/${verb}`
  const button = { csrfToken: rights.csrfToken, variant: 'outline', size: 'sm' } as const
  const isOff = plugin.state === 'disabled'
  return (
    <div class='flex flex-wrap gap-2'>
      {!plugin.is_built_in && (
        <PostButton
          {...button}
          icon='activity'
          action={actionOf('test')}
          label='Test connection'
        />
      )}
      {isOff
        ? (
          <PostButton
            {...button}
            variant='primary'
            icon='play'
            action={actionOf('enable')}
            label='Enable'
          />
        )
        : (
          <>
            {!plugin.is_built_in && (
              <PostButton
                {...button}
                icon='rotate-ccw'
                action={actionOf('restart')}
                label='Restart'
              />
            )}
            <ConfirmButton
              id={`confirm-disable-${plugin.id}`}
              action={actionOf('disable')}
              csrfToken={rights.csrfToken}
              icon='ban'
              label='Disable'
              question={`Disable ${plugin.id}?`}
              consequence={consequenceOf(plugin)}
              confirmLabel='Disable the plugin'
              variant='danger'
            />
          </>
        )}
    </div>
  )
}

function consequenceOf({ type, is_built_in }: PluginView): string {
  if (is_built_in) {
    return 'Workers begin nothing with it any more. What no other encoder plugin can do fails until it is enabled again.'
  }
  const place = type === 'encoder' ? 'in every kernel and worker' : 'in every kernel'
  return `Its processes end ${place}, as soon as their calls have. What needs it fails until it is enabled again.`
}
