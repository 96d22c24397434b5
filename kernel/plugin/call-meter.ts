/** Every call of one plugin process: timed, counted while it runs, given up when the process is gone, and its failure put into words. */
import type {
  CallOptions,
  PluginCall,
  PluginExit,
  PluginManifest,
  PluginStats,
} from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import { createCallStats } from './call-stats.ts'
import { presetTimeoutMs } from './client.ts'
import { createRunningCalls } from './running-calls.ts'
import { failureFrom } from './wire-error.ts'

/** One call while it runs. */
export interface MeteredCall {
  /** Those of the caller, and given up as well when the process is gone. */
  readonly options: CallOptions
  /** The plugin has everything now: its time begins. */
  asked(): void
  /** The plugin said something: its time is over. */
  answered(): void
  succeed(): void
  /** @returns what to throw: the reason of the caller that gave up, which says nothing about the plugin, or what went wrong */
  fail(failure: unknown): unknown
  /** Always to be called at the end. */
  over(): void
}

/** The calls of one process. */
export interface CallMeter {
  /** @throws WE-PLG-004 when the process is being stopped */
  begin(method: string, options: CallOptions): MeteredCall
  stats(): PluginStats
  onCall(listen: (call: PluginCall) => void): () => void
  /** Begins no more calls. Resolves when none runs, or after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
  /** Gives up what still runs: the process ended. */
  end(exit: PluginExit): void
}

/**
 * @param now - milliseconds since the epoch
 * @param redact - takes secrets out of what the plugin says about a failure
 */
export function createCallMeter(
  plugin: Pick<PluginManifest, 'id' | 'type'>,
  now: () => number,
  redact: (text: string) => string,
): CallMeter {
  const stats = createCallStats(now)
  const running = createRunningCalls()
  const listeners = new Set<(call: PluginCall) => void>()
  const gone = new AbortController()
  let isClosing = false

  function failed(failure: unknown, method: string, timeoutMs = presetTimeoutMs): WebEncodeError {
    if (gone.signal.aborted) return gone.signal.reason as WebEncodeError
    const asked = { plugin: plugin.id, pillar: plugin.type, method, timeoutMs }
    return failureFrom(redacted(failure, redact), asked)
  }

  return {
    begin(method, options) {
      if (isClosing && !gone.signal.aborted) throw stoppingFailure(plugin.id)
      let startedAt = performance.now()
      let answeredAt: number | undefined
      const end = (ok: boolean) => {
        const durationMs = (answeredAt ?? performance.now()) - startedAt
        const call = { method, durationMs, ok }
        stats.add(call)
        for (const listen of listeners) listen(call)
      }
      return {
        options: { ...options, signal: eitherOf(gone.signal, options.signal) },
        asked: () => void (startedAt = performance.now()),
        answered: () => void (answeredAt ??= performance.now()),
        succeed: () => end(true),
        fail(failure) {
          if (options.signal?.aborted === true) return options.signal.reason
          const told = failed(failure, method, options.timeoutMs)
          // "Not found" is an answer; a failure worth a retry is one of the plugin.
          end(told.next !== 'retry')
          return told
        },
        over: running.begin(),
      }
    },
    stats: () => stats.read(),
    onCall(listen) {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    close(timeoutMs) {
      isClosing = true
      return running.idle(timeoutMs)
    },
    end: (exit) => gone.abort(goneFailure(plugin.id, exit)),
  }
}

/** The failure itself, because it goes on as the cause of another one. */
function redacted(failure: unknown, redact: (text: string) => string): unknown {
  if (!(failure instanceof Error)) return failure
  for (const part of ['message', 'details', 'stack']) {
    const text: unknown = Reflect.get(failure, part)
    if (typeof text === 'string') Reflect.set(failure, part, redact(text))
  }
  return failure
}

/** Most callers have no signal, and a combined one costs as much memory as all else here. */
function eitherOf(gone: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given === undefined ? gone : AbortSignal.any([gone, given])
}

function stoppingFailure(plugin: string): WebEncodeError {
  const sentence = `Cannot call plugin "${plugin}": it must run, and is being stopped`
  return new WebEncodeError('WE-PLG-004', sentence)
}

function goneFailure(plugin: string, { exitCode, signal }: PluginExit): WebEncodeError {
  const how = signal === null ? `exit code ${exitCode}` : signal
  const sentence = `Cannot call plugin "${plugin}": its process must run, and it ended with ${how}`
  return new WebEncodeError('WE-PLG-004', sentence)
}
