/** What pillars are called, and how plugins are described in a sentence. */
import type { Pillar } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { formatDuration } from './format.ts'

/** The five pillars, and what they do. */
export const pillarNames: Readonly<Record<Pillar, readonly [name: string, does: string]>> = {
  auth: ['Sign-in', 'Who somebody is, and what they may do'],
  storage: ['Storage', 'Where sources and outputs are kept'],
  encoder: ['Encoder', 'What makes the video'],
  live: ['Live', 'Where live streams come in'],
  publisher: ['Publisher', 'Where finished videos go'],
}

/** What a rule of each pillar matches. */
export const matchHints: Readonly<Record<Pillar, string>> = {
  auth: 'A method: basic, bearer or api-key',
  storage:
    'The beginning of a URL, such as s3://media/; http and https sources only where a rule names them',
  encoder: 'A video codec, such as av1, or one encoder of it, such as libsvtav1',
  live: 'A protocol, such as srt',
  publisher: 'A platform, such as youtube',
}

/** The page of a plugin. */
export function pluginPath(id: string): string {
  return `/plugins/${encodeURIComponent(id)}`
}

/** How it is, and what comes next. */
export function sentenceOfPlugin(plugin: PluginView): string {
  if (plugin.is_built_in && plugin.type === 'encoder') {
    return plugin.is_enabled
      ? 'Every worker has it.'
      : 'It is off: workers use other encoders, or none.'
  }
  if (plugin.is_built_in) return 'It is built in.'
  const { phase, version } = plugin.upgrade
  if (phase === 'testing') return 'A new version tests itself while this one serves.'
  if (phase === 'watching') return 'The new version serves, and is watched for five minutes.'
  switch (plugin.state) {
    case 'starting':
      return 'Its process is being started.'
    case 'healthy':
      return plugin.upgrade.outcome === 'kept' ? `Version ${version} was kept.` : 'It serves.'
    case 'degraded':
      return 'It serves, but slowly or not always.'
    case 'failed':
      return 'Its process ended; it is started again in a moment.'
    case 'restarting':
      return 'Its process is being started again.'
    case 'disabled':
      return plugin.is_enabled ? 'It was switched off because it does not work.' : 'It is off.'
  }
}

/** What went wrong, in its own words; null when nothing did. */
export function problemOfPlugin({ problem, upgrade }: PluginView): string | null {
  if (problem !== null) return problem
  const { outcome, version, problem: why } = upgrade
  if (outcome === 'rolled-back') return `Version ${version} was rolled back: ${why ?? 'no reason'}`
  return outcome === 'refused' ? `Version ${version} was refused: ${why ?? 'no reason'}` : null
}

/** `1.2 %`. */
export function formatShare(share: number | null): string {
  return share === null ? '—' : `${Number((share * 100).toPrecision(2))} %`
}

/** `1.2 ms`. */
export function formatLatency(ms: number | null): string {
  return ms === null ? '—' : `${Number(ms.toPrecision(2))} ms`
}

/** `1.2 · 4 · 31 ms`. */
export function formatLatencies({ p50_ms, p95_ms, p99_ms }: PluginView): string {
  if (p50_ms === null || p95_ms === null || p99_ms === null) return '—'
  return `${[p50_ms, p95_ms, p99_ms].map((ms) => Number(ms.toPrecision(2))).join(' · ')} ms`
}

/** How long its process has been there. */
export function uptimeOfPlugin({ uptime_seconds }: PluginView): string {
  if (uptime_seconds === null) return '—'
  if (uptime_seconds < 60) return '< 1 min'
  return formatDuration(Math.floor(uptime_seconds / 60) * 60)
}
