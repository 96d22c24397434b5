/** A plugin process that shook hands, and the calls to it. */
import type {
  CallOptions,
  PluginCall,
  PluginExit,
  PluginInstance,
  PluginManifest,
} from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import { createCallStats } from './call-stats.ts'
import { type PluginConnection, presetTimeoutMs } from './client.ts'
import type { LogBook } from './log-book.ts'
import type { PluginProcess } from './process.ts'
import { createRunningCalls } from './running-calls.ts'
import { type Method, serviceOf } from './services.ts'
import { type Asked, failureFrom, isUnimplemented } from './wire-error.ts'

/** The service that go-plugin registers its health under. */
const healthService = 'plugin'

/** A plugin of this host. */
export type HostedPlugin = PluginInstance

/** Time between asking a plugin to stop and killing it, in milliseconds. */
const presetGraceMs = 5000
/** How much of it running calls may take, before the plugin itself must end. */
const callsShareOfGrace = 0.6

/** What an instance is made of. */
export interface InstanceParts {
  readonly manifest: PluginManifest
  readonly process: PluginProcess
  readonly connection: PluginConnection
  readonly logs: LogBook
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export function createInstance(parts: InstanceParts): HostedPlugin {
  return new ProcessInstance(parts)
}

class ProcessInstance implements HostedPlugin {
  readonly manifest: PluginManifest
  readonly pid: number
  readonly startedAt: string
  readonly exited: Promise<PluginExit>
  readonly #parts: InstanceParts
  readonly #stats
  readonly #callListeners = new Set<(call: PluginCall) => void>()
  /** Aborted when the process is gone: no call may outlive it. */
  readonly #gone = new AbortController()
  readonly #running = createRunningCalls()
  #isStopping = false

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.manifest = parts.manifest
    this.pid = parts.process.pid
    this.startedAt = new Date(parts.now()).toISOString()
    this.exited = parts.process.exited
    this.#stats = createCallStats(parts.now)
    void this.exited.then((exit) => {
      this.#gone.abort(this.#goneFailure(exit))
      parts.connection.close()
    })
  }

  async call(name: string, request: object, options: CallOptions = {}): Promise<unknown> {
    const method = this.#method(name)
    const call = (given: CallOptions) => this.#parts.connection.unary(method, request, given)
    return await this.#measured(name, options, call)
  }

  async *readStream(
    name: string,
    request: object,
    options: CallOptions = {},
  ): AsyncGenerator<unknown> {
    const method = this.#method(name)
    const measure = this.#measure(name, options)
    try {
      const { connection } = this.#parts
      for await (const message of connection.readStream(method, request, measure.options)) {
        measure.answered()
        yield message
      }
      measure.succeed()
    } catch (failure) {
      throw measure.fail(failure)
    } finally {
      measure.over()
    }
  }

  async writeStream(
    name: string,
    requests: AsyncIterable<object>,
    options: CallOptions = {},
  ): Promise<unknown> {
    const method = this.#method(name)
    const measure = this.#measure(name, options)
    // What the source throws is the caller's own failure, and no word about the plugin.
    const source = watchSource(requests, measure.asked)
    try {
      const { connection } = this.#parts
      const answer = await connection.writeStream(method, source.requests, measure.options)
      measure.succeed()
      return answer
    } catch (failure) {
      if (source.failed(failure)) throw failure
      throw measure.fail(failure)
    } finally {
      measure.over()
    }
  }

  async ping(options: CallOptions = {}): Promise<void> {
    const method = methodOf(serviceOf('health'), 'Check')
    const call = (given: CallOptions) =>
      this.#parts.connection.unary(method, { service: healthService }, given)
    const answer = await this.#measured('Health', options, call)
    const status: unknown = Reflect.get(answer as object, 'status')
    if (status === 'SERVING') return
    throw this.#unfit(`it must be SERVING, and says ${String(status)}`)
  }

  async check(options: CallOptions = {}): Promise<void> {
    await this.ping(options)
    const answer = await this.#control('SelfTest', options)
    if (answer === undefined || Reflect.get(answer, 'passed') === true) return
    const problems: unknown = Reflect.get(answer, 'problems')
    const sentences = Array.isArray(problems) ? problems.slice(0, 20).map(String) : []
    throw this.#unfit(`its self-test must pass: ${sentences.join('; ') || 'it does not say why'}`)
  }

  async metrics(options: CallOptions = {}): Promise<string> {
    const answer = await this.#control('Metrics', options)
    return answer === undefined ? '' : String(Reflect.get(answer, 'text'))
  }

  stats = () => this.#stats.read()
  logs = () => this.#parts.logs.lines()
  onLog: PluginInstance['onLog'] = (listen) => this.#parts.logs.listen(listen)

  onCall(listen: (call: PluginCall) => void): () => void {
    this.#callListeners.add(listen)
    return () => void this.#callListeners.delete(listen)
  }

  /** Running calls have most of the grace; then the kernel hangs up, and the plugin is told to end. */
  async stop(graceMs = presetGraceMs): Promise<PluginExit> {
    const startedAt = performance.now()
    this.#isStopping = true
    await this.#running.idle(graceMs * callsShareOfGrace)
    this.#parts.connection.close()
    return await this.#parts.process.stop(graceMs - (performance.now() - startedAt))
  }

  /** Calls the optional service. @returns undefined when the plugin does not have it */
  async #control(name: string, options: CallOptions): Promise<object | undefined> {
    const method = methodOf(serviceOf('control'), name)
    const call = (given: CallOptions) =>
      this.#parts.connection.unary(method, {}, given).catch((failure: unknown) => {
        if (isUnimplemented(failure)) return undefined
        throw failure
      })
    return await this.#measured(name, options, call) as object | undefined
  }

  async #measured(
    name: string,
    options: CallOptions,
    call: (options: CallOptions) => Promise<unknown>,
  ): Promise<unknown> {
    const measure = this.#measure(name, options)
    try {
      const answer = await call(measure.options)
      measure.succeed()
      return answer
    } catch (failure) {
      throw measure.fail(failure)
    } finally {
      measure.over()
    }
  }

  /**
   * Times one call, a stream only until its first message, or from its last one: its length is that of the file. A call
   * that its caller gave up says nothing about the plugin.
   */
  #measure(method: string, options: CallOptions) {
    if (this.#isStopping && !this.#gone.signal.aborted) throw this.#stoppingFailure()
    const over = this.#running.begin()
    let startedAt = performance.now()
    let answeredAt: number | undefined
    const signals = options.signal === undefined ? [] : [options.signal]
    const signal = AbortSignal.any([this.#gone.signal, ...signals])
    const end = (ok: boolean) => {
      const durationMs = (answeredAt ?? performance.now()) - startedAt
      this.#ended({ method, durationMs, ok })
    }
    return {
      options: { ...options, signal },
      over,
      asked: () => void (startedAt = performance.now()),
      answered: () => void (answeredAt ??= performance.now()),
      succeed: () => end(true),
      fail: (failure: unknown): unknown => {
        if (options.signal?.aborted === true) return options.signal.reason
        const told = this.#failureFrom(failure, method, options.timeoutMs)
        // "Not found" is an answer; a failure worth a retry is one of the plugin.
        end(told.next !== 'retry')
        return told
      },
    }
  }

  #ended(call: PluginCall): void {
    this.#stats.add(call)
    for (const listen of this.#callListeners) listen(call)
  }

  #failureFrom(failure: unknown, method: string, timeoutMs = presetTimeoutMs): WebEncodeError {
    if (this.#gone.signal.aborted) return this.#gone.signal.reason as WebEncodeError
    const asked: Asked = {
      plugin: this.manifest.id,
      pillar: this.manifest.type,
      method,
      timeoutMs,
    }
    return failureFrom(failure, asked)
  }

  #method(name: string): Method {
    return methodOf(serviceOf(this.manifest.type), name)
  }

  #unfit(reason: string): WebEncodeError {
    return new WebEncodeError('WE-PLG-005', `Plugin "${this.manifest.id}" is not fit: ${reason}`)
  }

  #stoppingFailure(): WebEncodeError {
    const sentence = `Cannot call plugin "${this.manifest.id}": it must run, and is being stopped`
    return new WebEncodeError('WE-PLG-004', sentence)
  }

  #goneFailure({ exitCode, signal }: PluginExit): WebEncodeError {
    const how = signal === null ? `exit code ${exitCode}` : signal
    const sentence =
      `Cannot call plugin "${this.manifest.id}": its process must run, and it ended with ${how}`
    return new WebEncodeError('WE-PLG-004', sentence)
  }
}

function methodOf(service: Readonly<Record<string, Method>>, name: string): Method {
  const method = Object.hasOwn(service, name) ? service[name] : undefined
  if (method === undefined) throw new TypeError(`There is no method "${name}"`)
  return method
}

/** Remembers what the source of a stream threw, and tells when it ended. */
function watchSource(source: AsyncIterable<object>, onEnd: () => void) {
  let thrown: { failure: unknown } | undefined
  async function* watched() {
    try {
      yield* source
      onEnd()
    } catch (failure) {
      thrown = { failure }
      throw failure
    }
  }
  return {
    requests: watched(),
    failed: (failure: unknown) => thrown?.failure === failure && thrown !== undefined,
  }
}
