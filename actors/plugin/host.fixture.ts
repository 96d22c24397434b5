/** A plugin host without processes, for tests: what each version of a plugin does is told in advance. */
import type {
  CallOptions,
  FoundPlugin,
  PluginCall,
  PluginExit,
  PluginHost,
  PluginInstance,
  PluginLogLine,
  PluginManifest,
  StartPlugin,
} from '../../kernel/contract/plugin.ts'
import { systemClock } from '../../kernel/clock.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { metricsPrefixOf } from '../../kernel/plugin/metrics-text.ts'

/** What a version does. */
export interface FakeBehaviour {
  /** It does not shake hands. */
  failsToStart?: boolean
  /** Its health check fails. */
  failsPing?: boolean
  /** Its self-test fails. */
  failsCheck?: boolean
  callMs?: number
  /** What it says that it counts. @default its calls */
  metrics?: () => Promise<string>
  /** Whether a call fails; told its number. */
  fails?: (call: number) => boolean
}

/** A process that is only told about. */
export interface FakeProcess {
  readonly id: string
  readonly version: string
  readonly config: Readonly<Record<string, unknown>>
  isGone: boolean
  /** Calls under way. */
  inFlight: number
  /** Calls that were cut off by its stop. */
  cut: number
  crash(): void
  say(message: string): void
}

export interface FakeHost extends PluginHost {
  readonly behaviours: Map<string, FakeBehaviour>
  readonly processes: FakeProcess[]
  /** Folders of `PLUGIN_DIR`. */
  readonly found: FoundPlugin[]
  /** Folders of uploaded versions. */
  readonly uploaded: Map<string, FoundPlugin>
  readonly alive: () => FakeProcess[]
}

/** A manifest of a storage. */
export function manifestOf(
  id: string,
  version = '1.0.0',
  changes: Partial<PluginManifest> = {},
): PluginManifest {
  return {
    id,
    type: 'storage',
    version,
    protocolVersion: '1',
    supportedKernelVersions: ['0.1.0'],
    main: 'main.ts',
    isolation: 'sandbox',
    capabilities: { storage_type: 's3' },
    configSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { bucket: { type: 'string' } },
    },
    permissions: { net: [], read: [], write: [], env: [], run: [] },
    ...changes,
  }
}

/** A host whose plugins do what `behaviours` says of `id@version`. */
export function createFakeHost(): FakeHost {
  const behaviours = new Map<string, FakeBehaviour>()
  const processes: FakeProcess[] = []
  const found: FoundPlugin[] = []
  const uploaded = new Map<string, FoundPlugin>()
  return {
    behaviours,
    processes,
    found,
    uploaded,
    alive: () => processes.filter(({ isGone }) => !isGone),
    scan: () => Promise.resolve([...found]),
    checkConfig(manifest, config) {
      const values = config as Record<string, unknown>
      const known = manifest.configSchema['properties'] as Record<string, unknown> | undefined
      for (const [name, value] of Object.entries(values)) {
        if (known?.[name] !== undefined && typeof value === 'string') continue
        const problem = `Cannot configure "${manifest.id}": ${name} must be a known string`
        throw new WebEncodeError('WE-PLG-003', problem, { path: name })
      }
      return values
    },
    async start(plugin) {
      const { id, version } = plugin.manifest
      const behaviour = behaviours.get(`${id}@${version}`) ?? {}
      await Promise.resolve()
      if (behaviour.failsToStart === true) {
        throw new WebEncodeError('WE-PLG-004', `Cannot start "${id}": it did not shake hands`)
      }
      const { instance, process } = fakeInstance(plugin, behaviour, processes.length + 1)
      processes.push(process)
      return instance
    },
    async close() {
      for (const process of processes) process.isGone = true
    },
  }
}

/** A process without a process, with everything that its instance needs. */
function createFakeProcess({ manifest, config }: StartPlugin) {
  const exit = Promise.withResolvers<PluginExit>()
  const logListeners = new Set<(line: PluginLogLine) => void>()
  const lines: PluginLogLine[] = []
  const end = (how: PluginExit) => {
    if (process.isGone) return
    process.isGone = true
    process.cut += process.inFlight
    exit.resolve(how)
  }
  const process: FakeProcess = {
    id: manifest.id,
    version: manifest.version,
    config,
    isGone: false,
    inFlight: 0,
    cut: 0,
    crash: () => end({ exitCode: 1, signal: null, isExpected: false }),
    say(message) {
      const line = { at: new Date().toISOString(), level: 'info' as const, message }
      lines.push(line)
      for (const listen of logListeners) listen(line)
    },
  }
  return { process, end, exited: exit.promise, logListeners, lines }
}

function fakeInstance(
  plugin: StartPlugin,
  behaviour: FakeBehaviour,
  pid: number,
): { instance: PluginInstance; process: FakeProcess } {
  const { manifest } = plugin
  const { process, end, exited, logListeners, lines } = createFakeProcess(plugin)
  const callListeners = new Set<(call: PluginCall) => void>()
  let calls = 0
  const gone = () => new WebEncodeError('WE-PLG-004', `"${manifest.id}" is gone`)

  async function call(method: string, _request: object, options?: CallOptions): Promise<unknown> {
    if (process.isGone) throw gone()
    const number = calls++
    process.inFlight += 1
    const { callMs = 0 } = behaviour
    if (callMs > 0) await systemClock.sleep(callMs, options?.signal)
    process.inFlight -= 1
    const isOk = !process.isGone && behaviour.fails?.(number) !== true
    for (const listen of callListeners) listen({ method, durationMs: callMs, ok: isOk })
    if (process.isGone) throw gone()
    if (!isOk) throw new WebEncodeError('WE-STO-004', `${manifest.version} failed on purpose`)
    return { version: manifest.version, number }
  }

  const instance: PluginInstance = {
    manifest,
    pid,
    startedAt: new Date().toISOString(),
    exited,
    call,
    async *readStream(method, request, options) {
      yield await call(method, request, options)
    },
    async writeStream(method, requests, options) {
      for await (const _request of requests) if (process.isGone) throw gone()
      return await call(method, {}, options)
    },
    ping() {
      if (process.isGone || behaviour.failsPing === true) {
        return Promise.reject(new WebEncodeError('WE-PLG-005', `"${manifest.id}" is silent`))
      }
      return Promise.resolve()
    },
    check() {
      if (process.isGone || behaviour.failsCheck === true) {
        return Promise.reject(new WebEncodeError('WE-PLG-005', `"${manifest.id}" fails its test`))
      }
      return Promise.resolve()
    },
    stats: () => ({ calls, errors: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3, methods: [] }),
    metrics: () =>
      behaviour.metrics?.() ??
        Promise.resolve(`${metricsPrefixOf(manifest.id)}calls_total ${calls}\n`),
    logs: () => lines,
    onLog(listen) {
      logListeners.add(listen)
      return () => logListeners.delete(listen)
    },
    onCall(listen) {
      callListeners.add(listen)
      return () => callListeners.delete(listen)
    },
    async stop() {
      end({ exitCode: 0, signal: null, isExpected: true })
      return await exited
    },
  }
  return { instance, process }
}
