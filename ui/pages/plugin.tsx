/** The page of one plugin: how it is, its configuration, its versions and its log. */
import type { PluginLogView, PluginView } from '../../kernel/contract/plugin-view.ts'
import { ConfigFields } from '../components/config-fields.tsx'
import type { ConfigField } from '../components/config-form.ts'
import { DataTable } from '../components/data-table.tsx'
import { CsrfToken, TextField } from '../components/forms.tsx'
import { liveAttributes } from '../components/live.ts'
import { Facts, Panel } from '../components/panels.tsx'
import { PluginActions, type PluginRights } from '../components/plugin-actions.tsx'
import { PluginCalls } from '../components/plugin-calls.tsx'
import { PluginFigures } from '../components/plugin-card.tsx'
import {
  formatLatencies,
  formatShare,
  pillarNames,
  pluginPath,
  problemOfPlugin,
  sentenceOfPlugin,
  uptimeOfPlugin,
} from '../components/plugin-words.ts'
import { PluginBadge } from '../components/status.tsx'

/** Everything that the page shows. */
export interface PluginPageView {
  readonly plugin: PluginView
  readonly lines: readonly PluginLogView[]
  readonly rights: PluginRights
  /** Absent for readers who may not configure it. */
  readonly form: PluginForm | undefined
}

/** The form of the configuration, as it is or as it came back. */
export interface PluginForm {
  readonly fields: readonly ConfigField[]
  readonly priority: string
  /** By the name of the property; '' for what belongs to none. */
  readonly errors: Readonly<Record<string, string>>
}

/** The page. Its forms stand apart from its live parts, so that nothing that is typed is lost. */
export function PluginPage({ view }: { view: PluginPageView }) {
  const { plugin, rights, form } = view
  return (
    <div class='flex flex-col gap-5'>
      <PluginLive view={view} />
      {form !== undefined && <Configuration plugin={plugin} form={form} rights={rights} />}
      {form !== undefined && <Upgrade plugin={plugin} rights={rights} />}
      {!plugin.is_built_in && <PluginLog view={view} />}
    </div>
  )
}

/** How the plugin is: the part that changes by itself. */
export function PluginLive({ view: { plugin, rights } }: { view: PluginPageView }) {
  const problem = problemOfPlugin(plugin)
  return (
    <div
      id='plugin'
      class='flex flex-col gap-5'
      {...liveAttributes(`${pluginPath(plugin.id)}/live`, `plugin:${plugin.id}:updates`)}
    >
      <div class='flex flex-wrap items-start justify-between gap-x-6 gap-y-3'>
        <div class='min-w-0'>
          <nav aria-label='Breadcrumb' class='mb-1 text-xs text-muted-foreground'>
            <a class='hover:text-foreground hover:underline' href='/plugins'>Plugins</a> /{' '}
            <span class='font-mono'>{plugin.id}</span>
          </nav>
          <div class='flex flex-wrap items-center gap-3'>
            <h1 class='min-w-0 text-xl font-semibold tracking-tight break-words'>{plugin.id}</h1>
            <PluginBadge plugin={plugin} />
          </div>
          <p class='mt-1 text-muted-foreground'>{sentenceOfPlugin(plugin)}</p>
        </div>
        <PluginActions plugin={plugin} rights={rights} />
      </div>
      {problem !== null && (
        <p class='rounded-lg bg-danger/10 px-4 py-3 break-words text-danger-text' role='status'>
          {problem}
        </p>
      )}
      <div class='grid items-start gap-5 md:grid-cols-2 xl:grid-cols-3'>
        <Panel title='Calls'>
          {plugin.uptime_seconds === null
            ? <p class='text-muted-foreground'>It does not run.</p>
            : <PluginFigures plugin={plugin} />}
        </Panel>
        <Panel title='About'>
          <About plugin={plugin} />
        </Panel>
        <Panel title='Capabilities'>
          <Capabilities plugin={plugin} />
        </Panel>
      </div>
      <PluginCalls methods={plugin.methods} />
      {plugin.kernels.length > 1 && <Kernels plugin={plugin} />}
    </div>
  )
}

const placeNames = {
  kernel: 'in the kernel',
  sandbox: 'in a sandboxed process',
  process: 'in a process without a sandbox',
} as const

function About({ plugin }: { plugin: PluginView }) {
  return (
    <Facts
      facts={[
        ['Kind', plugin.type === null ? '—' : pillarNames[plugin.type][0]],
        ['Version', plugin.version ?? '—'],
        ['Protocol', plugin.protocol_version ?? '—'],
        ['Runs', plugin.runs === null ? '—' : placeNames[plugin.runs]],
        ['Priority', plugin.priority],
        ['Restarts', plugin.restarts],
      ]}
    />
  )
}

function Capabilities({ plugin }: { plugin: PluginView }) {
  const facts = Object.entries(plugin.capabilities)
    .map(([name, value]) => [name.replaceAll('_', ' '), wordsOf(value)] as const)
  return facts.length === 0
    ? <p class='text-muted-foreground'>It declares none.</p>
    : <Facts facts={facts} />
}

function wordsOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.map(wordsOf).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function Kernels({ plugin }: { plugin: PluginView }) {
  return (
    <Panel title='Kernels' flush>
      <DataTable columns={['Kernel', 'State', 'Version', 'Up', 'Failed', 'p50 · p95 · p99']}>
        {plugin.kernels.map((kernel) => (
          <tr>
            <td class='font-mono text-xs'>{kernel.kernel_id}</td>
            <td>
              <PluginBadge plugin={kernel} />
            </td>
            <td>{kernel.version}</td>
            <td>{uptimeOfPlugin({ ...plugin, ...kernel })}</td>
            <td class='tabular-nums'>{formatShare(kernel.error_rate)}</td>
            <td class='tabular-nums'>{formatLatencies({ ...plugin, ...kernel })}</td>
          </tr>
        ))}
      </DataTable>
    </Panel>
  )
}

function Configuration(
  { plugin, form, rights }: { plugin: PluginView; form: PluginForm; rights: PluginRights },
) {
  const general = form.errors['']
  return (
    <Panel
      title='Configuration'
      description='A running plugin gets a new process with it; its calls move over when that one is up.'
      id='configuration'
    >
      <form
        method='post'
        action={`${pluginPath(plugin.id)}/config`}
        class='flex flex-col gap-4'
      >
        <CsrfToken token={rights.csrfToken} />
        {general !== undefined && (
          <p class='rounded-lg bg-danger/10 px-4 py-3 text-danger-text' role='alert'>{general}</p>
        )}
        <ConfigFields fields={form.fields} errors={form.errors} />
        {form.fields.some(({ kind }) => kind === 'reference') && <SecretsHint />}
        <div class='flex flex-wrap items-end justify-between gap-4'>
          <div class='w-40'>
            <TextField
              name='priority'
              label='Priority'
              type='number'
              min='-1000'
              max='1000'
              value={form.priority}
              hint='The higher one is asked first.'
              error={form.errors['priority']}
            />
          </div>
          <button type='submit' class='btn'>Save</button>
        </div>
      </form>
    </Panel>
  )
}

/** Where the values of references are kept. */
function SecretsHint() {
  return (
    <p class='text-xs text-muted-foreground'>
      A reference is the name of a secret. Its value is kept under{' '}
      <a class='underline hover:text-foreground' href='/settings/secrets'>Secrets</a>, and only this
      plugin is given it.
    </p>
  )
}

function Upgrade({ plugin, rights }: { plugin: PluginView; rights: PluginRights }) {
  return (
    <Panel
      title='New version'
      description='It starts in the shadow and tests itself, then takes the calls and is watched for five minutes. More than one failed call in twenty brings the old version back.'
    >
      <form
        method='post'
        action={`${pluginPath(plugin.id)}/upgrade`}
        enctype='multipart/form-data'
        class='flex flex-wrap items-center gap-3'
      >
        <CsrfToken token={rights.csrfToken} />
        <label for='archive' class='sr-only'>Archive of the new version</label>
        <input
          id='archive'
          type='file'
          name='file'
          accept='.tar.gz,.tgz,application/gzip'
          required
          class='input w-auto max-w-full'
          aria-describedby='archive-hint'
        />
        <button type='submit' class='btn' data-variant='outline' data-size='sm'>Upgrade</button>
        <p id='archive-hint' class='text-xs text-muted-foreground'>
          A .tar.gz of the folder with its plugin.toml.
        </p>
      </form>
    </Panel>
  )
}

/** The last log lines, the newest one last. */
export function PluginLog(
  { view: { plugin, lines } }: { view: Pick<PluginPageView, 'plugin' | 'lines'> },
) {
  return (
    <div
      id='plugin-log'
      {...liveAttributes(`${pluginPath(plugin.id)}/log`, `plugin:${plugin.id}:logs`)}
    >
      <Panel title='Log' description='The last 50 lines of this kernel'>
        {lines.length === 0
          ? <p class='text-muted-foreground'>Nothing was logged since the kernel started.</p>
          : (
            <pre class='log whitespace-pre-wrap break-words'>{lines.map((line) => (
              <span class={toneOfLine(line.level)}>
                {`${line.at.slice(11, 23)} ${line.level.padEnd(5)} ${line.message}\n`}
              </span>
            ))}</pre>
          )}
      </Panel>
    </div>
  )
}

/** On the dark ground that logs have in every theme. */
function toneOfLine(level: PluginLogView['level']): string {
  if (level === 'error') return 'text-red-300'
  return level === 'warn' ? 'text-amber-200' : ''
}
