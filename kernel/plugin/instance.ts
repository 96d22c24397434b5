/** A plugin process that shook hands, and what it can be asked: its pillar's calls, its health, its self-test and its metrics. */
import type {
  CallOptions,
  PluginCall,
  PluginExit,
  PluginInstance,
  PluginManifest,
} from '../contract/plugin.ts'
import { WebEncodeError } from '../errors.ts'
import { type CallMeter, createCallMeter } from './call-meter.ts'
import type { PluginConnection } from './client.ts'
import type { LogBook } from './log-book.ts'
import type { PluginProcess } from './process.ts'
import { type Method, serviceOf } from './services.ts'
import { isUnimplemented } from './wire-error.ts'

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
  /** Takes the secrets that the plugin was given out of what it says. */
  readonly redact: (text: string) => string
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
  readonly #meter: CallMeter

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.manifest = parts.manifest
    this.pid = parts.process.pid
    this.startedAt = new Date(parts.now()).toISOString()
    this.exited = parts.process.exited
    this.#meter = createCallMeter(parts.manifest, parts.now, parts.redact)
    void this.exited.then((exit) => {
      this.#meter.end(exit)
      parts.connection.close()
    })
  }

  async call(name: string, request: object, options: CallOptions = {}): Promise<unknown> {
    const method = this.#method(name)
    const call = (given: CallOptions) => this.#parts.connection.unary(method, request, given)
    return await this.#metered(name, options, call)
  }

  async *readStream(
    name: string,
    request: object,
    options: CallOptions = {},
  ): AsyncGenerator<unknown> {
    const method = this.#method(name)
    const metered = this.#meter.begin(name, options)
    try {
      const { connection } = this.#parts
      for await (const message of connection.readStream(method, request, metered.options)) {
        metered.answered()
        yield message
      }
      metered.succeed()
    } catch (failure) {
      throw metered.fail(failure)
    } finally {
      metered.over()
    }
  }

  async writeStream(
    name: string,
    requests: AsyncIterable<object>,
    options: CallOptions = {},
  ): Promise<unknown> {
    const method = this.#method(name)
    const metered = this.#meter.begin(name, options)
    // What the source throws is the caller's own failure, and no word about the plugin.
    const source = watchSource(requests, metered.asked)
    try {
      const { connection } = this.#parts
      const answer = await connection.writeStream(method, source.requests, metered.options)
      metered.succeed()
      return answer
    } catch (failure) {
      if (source.failed(failure)) throw failure
      throw metered.fail(failure)
    } finally {
      metered.over()
    }
  }

  async ping(options: CallOptions = {}): Promise<void> {
    const method = methodOf(serviceOf('health'), 'Check')
    const call = (given: CallOptions) =>
      this.#parts.connection.unary(method, { service: healthService }, given)
    const answer = await this.#metered('Health', options, call)
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

  stats = () => this.#meter.stats()
  logs = () => this.#parts.logs.lines()
  onLog: PluginInstance['onLog'] = (listen) => this.#parts.logs.listen(listen)
  onCall = (listen: (call: PluginCall) => void) => this.#meter.onCall(listen)

  /** Running calls have most of the grace; then the kernel hangs up, and the plugin is told to end. */
  async stop(graceMs = presetGraceMs): Promise<PluginExit> {
    const startedAt = performance.now()
    await this.#meter.close(graceMs * callsShareOfGrace)
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
    return await this.#metered(name, options, call) as object | undefined
  }

  async #metered(
    name: string,
    options: CallOptions,
    call: (options: CallOptions) => Promise<unknown>,
  ): Promise<unknown> {
    const metered = this.#meter.begin(name, options)
    try {
      const answer = await call(metered.options)
      metered.succeed()
      return answer
    } catch (failure) {
      throw metered.fail(failure)
    } finally {
      metered.over()
    }
  }

  #method(name: string): Method {
    return methodOf(serviceOf(this.manifest.type), name)
  }

  #unfit(reason: string): WebEncodeError {
    const sentence = `Plugin "${this.manifest.id}" is not fit: ${this.#parts.redact(reason)}`
    return new WebEncodeError('WE-PLG-005', sentence)
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
