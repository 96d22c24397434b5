/** What plugins count, as Prometheus text: of what each one says, only lines that can be read and that are its own. */

/** Longest text that is taken of one plugin, in characters. */
const longestText = 262_144

/** The kernel's own, which a plugin called `rpc` or `error` could name. */
const kernelNames = ['webencode_plugin_rpc_duration_seconds', 'webencode_plugin_error_count']

const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"`
const value = String.raw`(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Inf)`
const sample = new RegExp(String.raw`^([a-z_]\w*)(?:\{(?:${label}(?:,${label})*,?)?\})? ${value}$`)
const comment =
  /^# (?:TYPE ([a-z_]\w*) (?:counter|gauge|histogram|summary|untyped)|HELP ([a-z_]\w*) .*)$/

/** What the names of a plugin's metrics begin with: its id, with `_` where that has `-`. */
export function metricsPrefixOf(pluginId: string): string {
  return `webencode_plugin_${pluginId.replaceAll('-', '_')}_`
}

/**
 * The lines of `text` that this plugin may say. One wrong line, or one that another plugin says too, would make Prometheus refuse
 * everything that the kernel exposes.
 * @param pluginIds - all plugins that are exposed together: `a` must not speak for `a-b`
 */
export function ownMetricsFrom(
  pluginId: string,
  text: string,
  pluginIds: readonly string[],
): string {
  const prefix = metricsPrefixOf(pluginId)
  const foreign = [
    ...kernelNames,
    ...pluginIds.map(metricsPrefixOf).filter((other) =>
      other.length > prefix.length && other.startsWith(prefix)
    ),
  ]
  const said = new Set<string>()
  const lines = text.slice(0, longestText).split('\n').filter((line) => {
    const found = sample.exec(line) ?? comment.exec(line)
    const name = found?.[1] ?? found?.[2]
    if (name === undefined || !name.startsWith(prefix)) return false
    // A sample is named by its labels too; a comment is there once for each name.
    const key = line.startsWith('#') ? line.slice(0, line.indexOf(name) + name.length) : line
      .slice(0, line.lastIndexOf(' '))
    if (said.has(key) || foreign.some((begin) => name.startsWith(begin))) return false
    said.add(key)
    return true
  })
  return lines.map((line) => `${line}\n`).join('')
}
