/** Who gets a call: the rules of the admin, then what the plugins say that they can do. Pure. */
import type { Pillar, PluginManifest } from '../contract/plugin.ts'
import type { RouteRequest, ServingPlugin } from '../contract/plugin-mesh.ts'
import type { PluginRule } from '../contract/plugin-route.ts'

/** What routing looks at of a plugin. */
export interface RoutablePlugin extends Omit<ServingPlugin, 'manifest'> {
  readonly manifest: Pick<PluginManifest, 'id' | 'type' | 'capabilities'>
}

/** A plugin that a rule names, and how well the rule fits. */
interface Candidate {
  readonly plugin: RoutablePlugin
  /** Rules of the admin come before what manifests say. */
  readonly isRuled: boolean
  readonly isGpu: boolean
  readonly specificity: number
  readonly priority: number
}

/**
 * Ids of the plugins that may take the request, the best first: healthy before degraded; then those that the admin's rules name;
 * then a GPU, when it is preferred; then the higher priority, the more exact match, the built-in one, and the id.
 * @param rules - of the pillar of the request
 * @param plugins - of that pillar, that serve now
 */
export function route(
  rules: readonly PluginRule[],
  request: RouteRequest,
  plugins: readonly RoutablePlugin[],
): string[] {
  const { prefersGpu = false } = request
  const fits = (rule: PluginRule) => isFitting(rule, request)
  const candidates = plugins.flatMap((plugin): Candidate[] => {
    const isNamed = (rule: PluginRule) => rule.plugin_id === plugin.manifest.id
    const ruled = rules.filter((rule) => isNamed(rule) && fits(rule))
    const own = ownRules(plugin.manifest, plugin.priority).filter(fits)
    return [
      ...ruled.map((rule) => candidateFrom(plugin, rule, true)),
      ...own.map((rule) => candidateFrom(plugin, rule, false)),
    ]
  })
  const ids = candidates.sort((a, b) => compare(a, b, prefersGpu))
    .map(({ plugin }) => plugin.manifest.id)
  return [...new Set(ids)]
}

/** Ids of the plugins that rules name for the request, the higher priority first, whether they serve or not. */
export function listNamed(rules: readonly PluginRule[], request: RouteRequest): string[] {
  const ids = rules.filter((rule) => isFitting(rule, request))
    .toSorted((a, b) => b.priority - a.priority)
    .map((rule) => rule.plugin_id)
  return [...new Set(ids)]
}

function isFitting({ matches, gpu }: PluginRule, request: RouteRequest): boolean {
  return isMatch(request, matches) && (request.prefersGpu === true || !gpu)
}

function candidateFrom(plugin: RoutablePlugin, rule: PluginRule, isRuled: boolean): Candidate {
  return {
    plugin,
    isRuled,
    isGpu: rule.gpu || plugin.manifest.capabilities['gpu_accelerated'] === true,
    specificity: rule.matches === '*' ? 0 : rule.matches.length,
    priority: rule.priority,
  }
}

function compare(a: Candidate, b: Candidate, prefersGpu: boolean): number {
  return (
    Number(b.plugin.state === 'healthy') - Number(a.plugin.state === 'healthy') ||
    Number(b.isRuled) - Number(a.isRuled) ||
    (prefersGpu ? Number(b.isGpu) - Number(a.isGpu) : 0) ||
    b.priority - a.priority ||
    b.specificity - a.specificity ||
    Number(b.plugin.isBuiltIn ?? false) - Number(a.plugin.isBuiltIn ?? false) ||
    (a.plugin.manifest.id < b.plugin.manifest.id ? -1 : 1)
  )
}

/** The kernel fetches http(s) sources itself, unless somebody names just these. */
const isRemote = ({ pillar, value }: RouteRequest) =>
  pillar === 'storage' && /^https?:/i.test(value)

/** A URL begins with what its rule matches; everything else is named whole. */
function isMatch(request: RouteRequest, matches: string): boolean {
  if (matches === '*') return !isRemote(request)
  const { pillar, value, family } = request
  const [wanted, found] = [matches.toLowerCase(), value.toLowerCase()]
  if (pillar === 'storage') return isBelow(matches, value, wanted, found)
  return wanted === found || wanted === family?.toLowerCase()
}

/** Schemes are the same in either case, paths are not. */
function isBelow(matches: string, value: string, wanted: string, found: string): boolean {
  const schemeLength = wanted.indexOf('://') + 3
  if (schemeLength < 3) return found.startsWith(wanted)
  return found.startsWith(wanted.slice(0, schemeLength)) &&
    value.slice(schemeLength).startsWith(matches.slice(schemeLength))
}

const schemes: Readonly<Record<string, string>> = {
  s3: 's3://',
  local_fs: 'fs://',
  fs: 'fs://',
  seaweedfs: 'file://',
  http: 'http',
}

/** Names of the capabilities in which a manifest of each pillar says what it can do. */
const capabilityNames: Readonly<Record<Pillar, readonly string[]>> = {
  auth: ['authentication_methods'],
  storage: ['storage_type', 'schemes'],
  encoder: ['video_codecs'],
  live: ['protocols', 'protocol'],
  publisher: ['platforms', 'platform'],
}

/** Rules as the manifest itself would write them. */
function ownRules(
  { id, type, capabilities }: RoutablePlugin['manifest'],
  priority: number,
): PluginRule[] {
  return capabilityNames[type]
    .flatMap((name) => textsOf(capabilities[name]))
    .map((text) => type === 'storage' ? schemes[text] ?? `${text.replace(/:\/\/$/, '')}://` : text)
    .map((matches) => ({ matches, gpu: false, plugin_id: id, priority }))
}

function textsOf(value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter((text) => typeof text === 'string')
}
