/** The routing rules of a pillar as a form: its rows, and an empty one for the next rule. */
import type { Pillar } from '../../kernel/contract/plugin.ts'
import type { PluginRule } from '../../kernel/contract/plugin-route.ts'
import { CsrfToken } from './forms.tsx'
import { matchHints, pillarNames } from './plugin-words.ts'

/** The rules of one pillar; readers who may not change them see a table. */
export function RoutingForm(
  { pillar, rules, plugins, csrfToken, canManage }: {
    pillar: Pillar
    rules: readonly PluginRule[]
    /** Ids of the pillar's plugins. */
    plugins: readonly string[]
    csrfToken: string
    canManage: boolean
  },
) {
  const [name] = pillarNames[pillar]
  const rows = canManage ? [...rules, undefined] : rules
  return (
    <form method='post' action={`/plugins/routes/${pillar}`} class='flex flex-col gap-2'>
      <CsrfToken token={csrfToken} />
      <div class='table-container'>
        <table class='table table-tight table-stack' aria-label={`Rules of ${name}`}>
          <thead>
            <tr>
              <th scope='col'>{name}: what matches</th>
              <th scope='col'>goes to</th>
              <th scope='col' class='w-24'>Priority</th>
              {pillar === 'encoder' && <th scope='col' class='w-20'>GPU only</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((rule, i) => (
              <RuleRow
                pillar={pillar}
                rule={rule}
                number={i}
                plugins={plugins}
                canManage={canManage}
              />
            ))}
          </tbody>
        </table>
      </div>
      {canManage && (
        <div class='flex flex-wrap items-center justify-between gap-3 px-2'>
          <p class='text-xs text-muted-foreground'>
            {matchHints[pillar]}; * matches everything. A row without a match is left out.
          </p>
          <button type='submit' class='btn' data-variant='outline' data-size='sm'>
            Save the rules of {name}
          </button>
        </div>
      )}
    </form>
  )
}

function RuleRow(
  { pillar, rule, number, plugins, canManage }: {
    pillar: Pillar
    rule: PluginRule | undefined
    number: number
    plugins: readonly string[]
    canManage: boolean
  },
) {
  if (!canManage) {
    return (
      <tr>
        <td class='font-mono text-xs'>{rule?.matches}</td>
        <td>{rule?.plugin_id}</td>
        <td class='tabular-nums'>{rule?.priority}</td>
        {pillar === 'encoder' && <td>{rule?.gpu ? 'yes' : ''}</td>}
      </tr>
    )
  }
  const [pillarName] = pillarNames[pillar]
  const named = (field: string, label: string) => ({
    name: `${field}.${number}`,
    'aria-label': `${pillarName}, rule ${number + 1}: ${label}`,
  })
  return (
    <tr>
      <td>
        <PhoneLabel text='What matches' />
        <input
          class='input font-mono text-xs'
          {...named('matches', 'what matches')}
          value={rule?.matches ?? ''}
        />
      </td>
      <td>
        <PhoneLabel text='Goes to' />
        <select class='select max-sm:w-full' {...named('plugin', 'goes to')}>
          {optionsOf(plugins, rule).map((id) => (
            <option value={id} selected={id === rule?.plugin_id}>{id}</option>
          ))}
        </select>
      </td>
      <td>
        <PhoneLabel text='Priority' />
        <input
          class='input'
          type='number'
          {...named('priority', 'priority')}
          min='-1000'
          max='1000'
          value={String(rule?.priority ?? 0)}
        />
      </td>
      {pillar === 'encoder' && (
        <td>
          <PhoneLabel text='GPU only' />
          <input
            type='checkbox'
            class='max-sm:size-6'
            {...named('gpu', 'GPU only')}
            value='true'
            checked={rule?.gpu ?? false}
          />
        </td>
      )}
    </tr>
  )
}

/** The heading of a column, where the columns stand one below the other. The control says it to screen readers. */
function PhoneLabel({ text }: { text: string }) {
  return (
    <span class='mb-1 block text-xs text-muted-foreground sm:hidden' aria-hidden='true'>
      {text}
    </span>
  )
}

/** A rule may name a plugin that is gone. */
function optionsOf(plugins: readonly string[], rule: PluginRule | undefined): readonly string[] {
  return rule === undefined || plugins.includes(rule.plugin_id)
    ? plugins
    : [...plugins, rule.plugin_id]
}
