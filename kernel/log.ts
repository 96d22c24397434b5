/** Structured logs: one JSON object a line, with fields that children inherit and secrets left out. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Writes log lines. `child` adds fields (component, correlation_id, job_id ...) to every line below it. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  child(fields: LogFields): Log
}

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }
const secretKey = /token|secret|password|authorization|cookie|stream_?key|signature/i
const secretQuery = /([?&](?:token|sig|signature|code|key|password)=)[^&\s"]+/gi

/**
 * A log that writes JSON lines through `write`.
 * @param write - receives one line without its line break; default: standard error
 */
export function createLog(
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => void process.stderr.write(line + '\n'),
  inherited: LogFields = {},
): Log {
  const line = (at: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (ranks[at] < ranks[level]) return
    write(
      JSON.stringify({
        level: at,
        timestamp: new Date().toISOString(),
        message: clean(message),
        ...inherited,
        ...fields,
      }, redact),
    )
  }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => createLog(level, write, { ...inherited, ...fields }),
  }
}

/** A log that keeps nothing. */
export const silentLog: Log = createLog('error', () => {})

/** `text` with the values of secret query parameters removed. */
export function clean(text: string): string {
  return text.replaceAll(secretQuery, '$1[redacted]')
}

function redact(key: string, value: unknown): unknown {
  if (secretKey.test(key) && value !== null && value !== undefined) return '[redacted]'
  if (value instanceof Error) {
    return {
      name: value.name,
      message: clean(value.message),
      stack: value.stack,
      cause: value.cause,
    }
  }
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'string' ? clean(value) : value
}
