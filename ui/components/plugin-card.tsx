/** A plugin as a card: how it is, since when, and how its calls go. */
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { Facts } from './panels.tsx'
import {
  formatLatencies,
  formatShare,
  pluginPath,
  problemOfPlugin,
  uptimeOfPlugin,
} from './plugin-words.ts'
import { PluginBadge } from './status.tsx'

/** The card, which leads to the page of the plugin. */
export function PluginCard({ plugin }: { plugin: PluginView }) {
  const problem = problemOfPlugin(plugin)
  return (
    <article class='card gap-3' id={`plugin-${plugin.id}`}>
      <header class='flex items-start justify-between gap-3'>
        <div class='min-w-0'>
          <h3 class='font-semibold break-words'>
            <a class='hover:underline' href={pluginPath(plugin.id)}>{plugin.id}</a>
          </h3>
          <p class='text-xs text-muted-foreground'>
            {plugin.version === null ? 'no version' : `v${plugin.version}`}
            {plugin.is_built_in && ' · built in'}
          </p>
        </div>
        <PluginBadge plugin={plugin} />
      </header>
      <section class='flex flex-col gap-3'>
        {problem !== null && (
          <p class='text-xs break-words text-danger-text' role='note'>{problem}</p>
        )}
        {plugin.is_built_in && <Facts facts={[['Up', uptimeOfPlugin(plugin)]]} />}
        {plugin.uptime_seconds !== null && !plugin.is_built_in && <PluginFigures plugin={plugin} />}
      </section>
    </article>
  )
}

/** The figures of the last five minutes. */
export function PluginFigures({ plugin }: { plugin: PluginView }) {
  return (
    <Facts
      facts={[
        ['Up', uptimeOfPlugin(plugin)],
        ['Calls in 5 min', plugin.calls?.toLocaleString('en') ?? '—'],
        ['Failed', formatShare(plugin.error_rate)],
        ['p50 · p95 · p99', formatLatencies(plugin)],
      ]}
    />
  )
}
