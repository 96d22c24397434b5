/** The gRPC server inside a plugin: its pillar, its health, and what the kernel may ask beside. */
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { promisify } from 'node:util'
import type { Pillar } from '../../contract/plugin.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../log.ts'
import {
  type CallWatcher,
  implementationFrom,
  type ReadMethod,
  type ServedMethods,
  type UnaryMethod,
  type WriteMethod,
} from '../serve.ts'
import { definitionOf, type Service, serviceOf } from '../services.ts'
import { channelOptions } from '../wire.ts'
import { duringCall } from './plugin-log.ts'
import type { PluginMetrics } from './plugin-metrics.ts'

/** What is served. */
export interface ServedPlugin {
  readonly pillar: Pillar
  readonly methods: ServedMethods
  /** Sentences about what does not work; none when all is well. */
  readonly selfTest: () => Promise<readonly string[]>
  readonly metrics: PluginMetrics
  readonly log: Log
}

/** A server that listens. */
export interface ServiceServer {
  /** Says that it no longer serves, lets running calls finish within `graceMs`, and cuts the others off. */
  close(graceMs: number): Promise<void>
}

/** Listens at a Unix socket. */
export async function listen(plugin: ServedPlugin, socket: string): Promise<ServiceServer> {
  const server = new Server(channelOptions)
  const running = createRunningCalls(plugin)
  const add = (service: Service, methods: ServedMethods, watcher?: CallWatcher) =>
    server.addService(definitionOf(service), implementationFrom(service, methods, watcher))
  add(serviceOf(plugin.pillar), withLog(plugin.methods), running)
  add(serviceOf('health'), {
    Check: () => Promise.resolve({ status: running.isEnding() ? 'NOT_SERVING' : 'SERVING' }),
  })
  add(serviceOf('control'), withLog(controlMethods(plugin)))
  const bind = promisify(server.bindAsync.bind(server))
  await bind(`unix:${socket}`, ServerCredentials.createInsecure())
  return {
    async close(graceMs) {
      await running.end(graceMs)
      server.forceShutdown()
    },
  }
}

interface RunningCalls extends CallWatcher {
  isEnding(): boolean
  /** Resolves when no call runs, or after `graceMs`. */
  end(graceMs: number): Promise<void>
}

/** The server's own shutdown waits until clients hang up, which they do not: so calls are counted here. */
function createRunningCalls({ metrics, log }: ServedPlugin): RunningCalls {
  const idle = Promise.withResolvers<void>()
  let running = 0
  let isEnding = false
  return {
    began: () => void running++,
    ended(call, durationMs, failure) {
      running--
      // The last answer is still on its way to the socket.
      if (isEnding && running === 0) setTimeout(idle.resolve, 20)
      metrics.served(call.method, durationMs, failure === undefined)
      if (failure === undefined || call.signal.aborted) return
      const fields = { error: failure, correlation_id: call.correlationId }
      log.warn(`${call.method} failed: ${messageOf(failure)}`, fields)
    },
    isEnding: () => isEnding,
    async end(graceMs) {
      isEnding = true
      if (running === 0) return
      const timer = setTimeout(idle.resolve, graceMs)
      await idle.promise
      clearTimeout(timer)
    },
  }
}

function controlMethods({ selfTest, metrics }: ServedPlugin): ServedMethods {
  return {
    SelfTest: async () => {
      const problems = await selfTest().catch((failure: unknown) => [messageOf(failure)])
      return { passed: problems.length === 0, problems }
    },
    Metrics: () => Promise.resolve({ text: metrics.text() }),
  }
}

/** What a function logs carries the correlation id of its call. */
function withLog(methods: ServedMethods): ServedMethods {
  const wrap = (method: UnaryMethod | ReadMethod | WriteMethod): UnaryMethod =>
    ((input: never, call) => duringCall(call, () => method(input, call))) as UnaryMethod
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, wrap(method)]))
}
