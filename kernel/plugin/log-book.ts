/** What a plugin writes: lines of any form become log lines, of which the last are kept. */
import type { PluginLogLine } from '../contract/plugin.ts'
import { clean } from '../log.ts'

/** Lines that are kept. */
const keptLines = 500
/** Characters of a line; the rest is cut off. */
const longestLine = 8192
/** Lines a second that are taken; a plugin that writes more loses the others. */
const linesPerSecond = 500

/** The lines of one plugin process. */
export interface LogBook {
  /** Takes a piece of output. @param stream - each has its own unfinished line */
  write(stream: 'stdout' | 'stderr', text: string): void
  /** Takes one whole line. */
  add(level: PluginLogLine['level'], message: string): void
  lines(): readonly PluginLogLine[]
  listen(listener: (line: PluginLogLine) => void): () => void
}

/** @param redact - takes secrets out of a message. @param now - milliseconds since the epoch */
export function createLogBook(
  now: () => number,
  redact: (text: string) => string = (text) => text,
): LogBook {
  const kept: PluginLogLine[] = []
  const listeners = new Set<(line: PluginLogLine) => void>()
  const allows = createLimit(now)
  const keep = (line: Omit<PluginLogLine, 'at'>) => {
    const whole = {
      ...line,
      message: redact(clean(line.message)),
      at: new Date(now()).toISOString(),
    }
    kept.push(whole)
    if (kept.length > keptLines) kept.shift()
    for (const listener of listeners) listener(whole)
  }
  const take = (text: string) => {
    const dropped = allows()
    if (dropped === undefined) return
    if (dropped > 0) {
      keep({ level: 'warn', message: `${dropped} lines were dropped: too many a second` })
    }
    if (text.trim() !== '') keep(parseLogLine(text))
  }
  const splitters = { stdout: createLineSplitter(take), stderr: createLineSplitter(take) }
  return {
    write: (stream, text) => splitters[stream](text),
    add: (level, message) => keep({ level, message }),
    lines: () => [...kept],
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Whether one more line may be taken; answers how many were not since the last one that was. */
function createLimit(now: () => number): () => number | undefined {
  let second = 0
  let taken = 0
  let dropped = 0
  return () => {
    const at = Math.floor(now() / 1000)
    if (at !== second) [second, taken] = [at, 0]
    if (++taken > linesPerSecond) {
      dropped++
      return undefined
    }
    const before = dropped
    dropped = 0
    return before
  }
}

/** Cuts text into lines; a line that does not end is cut off, so that it cannot fill the memory. */
export function createLineSplitter(onLine: (line: string) => void): (text: string) => void {
  let rest = ''
  let isSkipping = false
  return (text) => {
    const lines = text.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      if (!isSkipping) onLine((rest + line).slice(0, longestLine))
      rest = ''
      isSkipping = false
    }
    if (isSkipping) return
    rest += last
    if (rest.length <= longestLine) return
    onLine(rest.slice(0, longestLine))
    rest = ''
    isSkipping = true
  }
}

/** Our JSON lines, those of Go's hclog (`@level`, `@message`), and plain text as information. */
export function parseLogLine(text: string): Omit<PluginLogLine, 'at'> {
  const fields = jsonObjectFrom(text)
  if (fields === undefined) return { level: 'info', message: text.trimEnd() }
  const message = fields['message'] ?? fields['@message'] ?? fields['msg']
  const correlationId = fields['correlation_id']
  return {
    level: levelFrom(fields['level'] ?? fields['@level']),
    message: typeof message === 'string' ? message + detailsOf(fields) : text.trimEnd(),
    ...(typeof correlationId === 'string' && { correlationId: correlationId.slice(0, 200) }),
  }
}

const shownElsewhere = /^@?(level|message|msg|timestamp|time|module|caller|correlation_id)$/

function detailsOf(fields: Readonly<Record<string, unknown>>): string {
  const others = Object.entries(fields).filter(([name]) => !shownElsewhere.test(name))
  return others.length === 0 ? '' : ` ${JSON.stringify(Object.fromEntries(others))}`
}

function levelFrom(level: unknown): PluginLogLine['level'] {
  switch (typeof level === 'string' ? level.toLowerCase() : '') {
    case 'trace':
    case 'debug':
      return 'debug'
    case 'warn':
    case 'warning':
      return 'warn'
    case 'error':
    case 'fatal':
      return 'error'
    default:
      return 'info'
  }
}

function jsonObjectFrom(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
