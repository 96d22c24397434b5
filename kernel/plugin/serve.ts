/** Serves gRPC methods from plain functions: messages in, messages out, failures with their codes. */
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerWritableStream,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { once } from 'node:events'
import type { Service } from './services.ts'
import { correlationKey, maxCorrelationLength } from './wire.ts'
import { statusFrom } from './wire-error.ts'

/** What a function is told about its call. */
export interface ServedCall {
  readonly method: string
  /** Aborted when the caller is gone or gave up. */
  readonly signal: AbortSignal
  readonly correlationId: string | undefined
  readonly metadata: Metadata
}

/** A method that answers one message to one message. */
export type UnaryMethod = (request: object, call: ServedCall) => Promise<object>
/** A method that answers with a stream. */
export type ReadMethod = (request: object, call: ServedCall) => AsyncIterable<object>
/** A method that is given a stream. */
export type WriteMethod = (requests: AsyncIterable<object>, call: ServedCall) => Promise<object>
/** The functions of a service by the names of its methods. One that is missing is answered UNIMPLEMENTED. */
export type ServedMethods = Readonly<Record<string, UnaryMethod | ReadMethod | WriteMethod>>

/** Told about every call, when it comes and when it ended, with its failure if it failed. */
export interface CallWatcher {
  began(call: ServedCall): void
  ended(call: ServedCall, durationMs: number, failure?: unknown): void
}

const nobody: CallWatcher = { began() {}, ended() {} }

/** The functions as grpc-js wants them. */
export function implementationFrom(
  service: Service,
  methods: ServedMethods,
  watcher: CallWatcher = nobody,
): UntypedServiceImplementation {
  const served: Record<string, UntypedHandleCall> = {}
  for (const [name, { requestStream, responseStream }] of Object.entries(service)) {
    const method = methods[name]
    if (method === undefined) continue
    const watched = watch(name, watcher)
    if (requestStream) served[name] = clientStream(method as WriteMethod, watched)
    else if (responseStream) served[name] = serverStream(method as ReadMethod, watched)
    else served[name] = unary(method as UnaryMethod, watched)
  }
  return served
}

/** Runs the work of one call and reports how it ended. */
type Watched = (call: AnyCall, work: (served: ServedCall) => Promise<void>) => Promise<unknown>

interface AnyCall {
  readonly metadata: Metadata
  readonly cancelled: boolean
  on(event: 'cancelled', listen: () => void): unknown
}

/** @returns the failure of the work, if any */
function watch(method: string, watcher: CallWatcher): Watched {
  return async (call, work) => {
    const startedAt = performance.now()
    const served = servedCallOf(method, call)
    watcher.began(served)
    try {
      await work(served)
      watcher.ended(served, performance.now() - startedAt)
      return undefined
    } catch (failure) {
      watcher.ended(served, performance.now() - startedAt, failure)
      return failure
    }
  }
}

function servedCallOf(method: string, call: AnyCall): ServedCall {
  const controller = new AbortController()
  const abort = () => controller.abort(new Error('The call was cancelled'))
  if (call.cancelled) abort()
  else call.on('cancelled', abort)
  const [id] = call.metadata.get(correlationKey)
  return {
    method,
    signal: controller.signal,
    correlationId: typeof id === 'string' ? id.slice(0, maxCorrelationLength) : undefined,
    metadata: call.metadata,
  }
}

function unary(method: UnaryMethod, watched: Watched): handleUnaryCall<object, object> {
  return (call, answer) => {
    let value: object | null = null
    const work = async (served: ServedCall) => {
      value = await method(call.request, served)
    }
    void watched(call, work).then((failure) =>
      failure === undefined ? answer(null, value) : answer(statusFrom(failure))
    )
  }
}

function serverStream(
  method: ReadMethod,
  watched: Watched,
): handleServerStreamingCall<object, object> {
  return (call) => {
    const work = async (served: ServedCall) => {
      for await (const message of method(call.request, served)) {
        served.signal.throwIfAborted()
        if (!call.write(message)) await drained(call, served.signal)
      }
    }
    void watched(call, work).then((failure) =>
      failure === undefined ? call.end() : call.emit('error', statusFrom(failure))
    )
  }
}

async function drained(
  call: ServerWritableStream<object, object>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await once(call, 'drain', { signal })
  } catch (failure) {
    throw signal.aborted ? signal.reason : failure
  }
}

function clientStream(
  method: WriteMethod,
  watched: Watched,
): handleClientStreamingCall<object, object> {
  return (call, answer) => {
    let value: object | null = null
    const work = async (served: ServedCall) => {
      call.on('error', () => {})
      // A stream that broke must not look like one that ended.
      served.signal.addEventListener('abort', () => call.destroy(served.signal.reason))
      value = await method(call, served)
    }
    void watched(call, work).then((failure) =>
      failure === undefined ? answer(null, value) : answer(statusFrom(failure))
    )
  }
}
