/** What a plugin counts: its calls, and whatever else it wants, as Prometheus text. */
import { metricsPrefixOf } from '../metrics-text.ts'

/** Metrics of one kind; a plugin names each once. */
export interface PluginMetrics {
  /** Adds to a counter. @param name - lower case with `_`, without the prefix: `bytes_read_total` */
  count(name: string, amount?: number): void
  /** Sets a gauge. */
  set(name: string, value: number): void
  /** Counts a call that was served. Never throws: the answer to that call would be lost. */
  served(method: string, durationMs: number, isOk: boolean): void
  text(): string
}

/** A plugin that makes up names for ever is stopped here; those of its calls, which are few, come on top. */
const maxSeries = 1000

/** @param pluginId - names begin with `webencode_plugin_{id}_`, with `_` where the id has `-` */
export function createPluginMetrics(pluginId: string): PluginMetrics {
  const prefix = metricsPrefixOf(pluginId)
  const series = new Map<string, number>()
  const types = new Map<string, 'counter' | 'gauge'>()
  const put = (name: string, labels: string, type: 'counter' | 'gauge', value: number) => {
    const key = `${prefix}${name}${labels}`
    types.set(name, type)
    series.set(key, type === 'gauge' ? value : (series.get(key) ?? 0) + value)
  }
  const putOwn = (name: string, type: 'counter' | 'gauge', value: number) => {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new RangeError(`"${name}" is no name of a metric`)
    if (!series.has(prefix + name) && series.size >= maxSeries) {
      throw new RangeError(`A plugin may have ${maxSeries} series`)
    }
    put(name, '', type, value)
  }
  return {
    count: (name, amount = 1) => putOwn(name, 'counter', amount),
    set: (name, value) => putOwn(name, 'gauge', value),
    served(method, durationMs, isOk) {
      const outcome = isOk ? 'ok' : 'failed'
      put('calls_total', `{method="${method}",outcome="${outcome}"}`, 'counter', 1)
      put('call_seconds_total', `{method="${method}"}`, 'counter', durationMs / 1000)
    },
    text: () => textOf(prefix, types, series),
  }
}

function textOf(
  prefix: string,
  types: ReadonlyMap<string, string>,
  series: ReadonlyMap<string, number>,
): string {
  const lines = [...types].flatMap(([name, type]) => [
    `# TYPE ${prefix}${name} ${type}`,
    ...[...series].filter(([key]) => key.split('{')[0] === prefix + name)
      .map(([key, value]) => `${key} ${value}`),
  ])
  return lines.length === 0 ? '' : lines.join('\n') + '\n'
}
