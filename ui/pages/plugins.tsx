/** The plugins by pillar, and the rules that route calls to them. */
import { type Pillar, pillars } from '../../kernel/contract/plugin.ts'
import type { PluginRoutes } from '../../kernel/contract/plugin-route.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { liveAttributes } from '../components/live.ts'
import { PageHeading, Panel } from '../components/panels.tsx'
import type { PluginRights } from '../components/plugin-actions.tsx'
import { PluginCard } from '../components/plugin-card.tsx'
import { pillarNames } from '../components/plugin-words.ts'
import { RoutingForm } from '../components/routing-form.tsx'

/** Everything that the page shows. */
export interface PluginsView {
  readonly plugins: readonly PluginView[]
  readonly routes: PluginRoutes
  readonly rights: PluginRights
}

/** The whole page. */
export function PluginsPage({ view }: { view: PluginsView }) {
  return (
    <>
      <PageHeading
        title='Plugins'
        description='Where people sign in, where media are kept, and what encodes them.'
      />
      <div class='flex flex-col gap-6'>
        <PluginsLive view={view} />
        <Routing view={view} />
      </div>
    </>
  )
}

/** The part that changes by itself. */
export function PluginsLive({ view: { plugins } }: { view: PluginsView }) {
  const groups = [...pillars, null].map((pillar) =>
    [pillar, plugins.filter(({ type }) => type === pillar)] as const
  )
  return (
    <div
      id='plugins'
      class='flex flex-col gap-6'
      {...liveAttributes('/plugins/live', 'plugins:list')}
    >
      {groups.filter(([pillar, found]) => pillar !== null || found.length > 0).map((
        [pillar, found],
      ) => <PillarSection pillar={pillar} plugins={found} />)}
    </div>
  )
}

function PillarSection(
  { pillar, plugins }: { pillar: Pillar | null; plugins: readonly PluginView[] },
) {
  const [name, does] = pillar === null
    ? ['Not usable', 'Their manifest cannot be read']
    : pillarNames[pillar]
  return (
    <section aria-label={name}>
      <h2 class='text-[0.9375rem] font-semibold'>{name}</h2>
      <p class='mb-3 text-muted-foreground'>{does}</p>
      {plugins.length === 0
        ? (
          <p class='rounded-lg border border-dashed border-border px-4 py-3 text-muted-foreground'>
            None yet. One appears here when its folder is put into <code>PLUGIN_DIR</code>.
          </p>
        )
        : (
          <div class='grid gap-4 sm:grid-cols-2 xl:grid-cols-3'>
            {plugins.map((plugin) => <PluginCard plugin={plugin} />)}
          </div>
        )}
    </section>
  )
}

/** Pillars with something to choose from, or rules. */
function Routing({ view: { plugins, routes, rights } }: { view: PluginsView }) {
  const idsOf = (pillar: Pillar) =>
    plugins.filter((plugin) =>
      plugin.type === pillar && (!plugin.is_built_in || plugin.can_be_disabled)
    ).map(({ id }) => id)
  const hasChoice = (pillar: Pillar) =>
    plugins.some(({ type, is_built_in }) => type === pillar && !is_built_in)
  const shown = pillars.filter((pillar) =>
    routes[pillar].length > 0 || (rights.canManage && hasChoice(pillar))
  )
  if (shown.length === 0) return null
  return (
    <Panel
      title='Routing'
      description='Healthy plugins come before degraded ones, then the higher priority. What no rule matches follows the manifests.'
    >
      <div class='flex flex-col gap-6'>
        {shown.map((pillar) => (
          <RoutingForm
            pillar={pillar}
            rules={routes[pillar]}
            plugins={idsOf(pillar)}
            csrfToken={rights.csrfToken}
            canManage={rights.canManage}
          />
        ))}
      </div>
    </Panel>
  )
}
