/** Calls the gRPC services of one plugin process: deadlines, cancellation, correlation ids, back-pressure. */
import {
  type ChannelCredentials,
  Client,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { once } from 'node:events'
import type { CallOptions } from '../contract/plugin.ts'
import type { Method } from './services.ts'
import { channelOptions, correlationKey, maxCorrelationLength } from './wire.ts'

/** A call is given up after this time, a stream when it says nothing for as long. */
export const presetTimeoutMs = 10_000

/** One connection. Failures are those of grpc-js; a signal's reason is thrown when it was aborted. */
export interface PluginConnection {
  unary(method: Method, request: object, options?: CallOptions): Promise<unknown>
  readStream(method: Method, request: object, options?: CallOptions): AsyncGenerator<unknown>
  writeStream(
    method: Method,
    requests: AsyncIterable<object>,
    options?: CallOptions,
  ): Promise<unknown>
  close(): void
}

/** Connects when the first call needs it. @param target - `unix:/path` or `ipv4:127.0.0.1:1234` */
export function connectPlugin(
  target: string,
  credentials: ChannelCredentials,
  options: Readonly<Record<string, string>> = {},
): PluginConnection {
  const client = new Client(target, credentials, {
    ...channelOptions,
    ...options,
    // A channel of its own: nothing is shared with another instance, or with a former one at this path.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
  })
  return {
    unary: (method, request, given = {}) => callUnary(client, method, request, given),
    readStream: (method, request, given = {}) => readStream(client, method, request, given),
    writeStream: (method, requests, given = {}) => writeStream(client, method, requests, given),
    close: () => client.close(),
  }
}

async function callUnary(
  client: Client,
  method: Method,
  request: object,
  { timeoutMs = presetTimeoutMs, signal, correlationId }: CallOptions,
): Promise<unknown> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const call = client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    metadataFrom(correlationId),
    { deadline: Date.now() + timeoutMs },
    (failure, answer) => failure ? reject(failure) : resolve(answer),
  )
  return await cancellable(promise, () => call.cancel(), signal)
}

async function* readStream(
  client: Client,
  method: Method,
  request: object,
  { timeoutMs = presetTimeoutMs, signal, correlationId }: CallOptions,
): AsyncGenerator<unknown> {
  signal?.throwIfAborted()
  const call = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    metadataFrom(correlationId),
    {},
  )
  // The iterator throws it too; an event without a listener would end the process.
  call.on('error', ignoreTwice)
  const iterator = call[Symbol.asyncIterator]()
  const silence = createSilence(timeoutMs, () => call.cancel())
  try {
    for (;;) {
      const next = await cancellable(
        silence.during<IteratorResult<unknown>>(iterator.next()),
        () => call.cancel(),
        signal,
      )
      if (next.done === true) return
      yield next.value
    }
  } finally {
    call.cancel()
  }
}

async function writeStream(
  client: Client,
  method: Method,
  requests: AsyncIterable<object>,
  { timeoutMs = presetTimeoutMs, signal, correlationId }: CallOptions,
): Promise<unknown> {
  signal?.throwIfAborted()
  const { promise: answer, resolve, reject } = Promise.withResolvers<unknown>()
  const call = client.makeClientStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    metadataFrom(correlationId),
    {},
    (failure, value) => failure ? reject(failure) : resolve(value),
  )
  call.on('error', ignoreTwice)
  const silence = createSilence(timeoutMs, () => call.cancel())
  const sent = sendAll(call, requests, answer, silence)
  try {
    return await cancellable(
      sent.then(() => silence.during(answer)),
      () => call.cancel(),
      signal,
    )
  } catch (failure) {
    call.cancel()
    answer.catch(ignoreTwice)
    throw failure
  }
}

/** Writes until the source ends or the plugin has answered, never faster than the plugin takes it. */
async function sendAll(
  call: ClientWritableStream<object>,
  requests: AsyncIterable<object>,
  answer: Promise<unknown>,
  silence: Silence,
): Promise<void> {
  const answered = answer.then(() => 'answered' as const)
  answered.catch(ignoreTwice)
  const iterator = requests[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), answered])
      if (next === 'answered' || next.done === true) {
        call.end()
        return
      }
      if (!call.write(next.value)) {
        await silence.during(Promise.race([once(call, 'drain'), answered]))
      }
    }
  } catch (failure) {
    // Not ended: that would tell the plugin that it has everything.
    call.cancel()
    throw failure
  } finally {
    // Not waited for: the source may hang in a read that nobody needs any more.
    iterator.return?.().catch(ignoreTwice)
  }
}

/** Watches that a plugin says something in time. */
interface Silence {
  during<T>(waiting: Promise<T>): Promise<T>
}

function createSilence(timeoutMs: number, cancel: () => void): Silence {
  return {
    async during(waiting) {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        cancel()
      }, timeoutMs)
      try {
        return await waiting
      } catch (failure) {
        throw isLate ? lateFailure() : failure
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function lateFailure(): ServiceError {
  const details = 'The stream fell silent'
  return Object.assign(new Error(details), {
    code: status.DEADLINE_EXCEEDED,
    details,
    metadata: new Metadata(),
  })
}

/** Waits, and cancels when the signal is aborted. @throws the signal's reason then */
async function cancellable<T>(
  waiting: Promise<T>,
  cancel: () => void,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await waiting
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await waiting
  } catch (failure) {
    throw signal.aborted ? signal.reason : failure
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function metadataFrom(correlationId: string | undefined): Metadata {
  const metadata = new Metadata()
  if (correlationId === undefined) return metadata
  const text = correlationId.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, maxCorrelationLength)
  metadata.set(correlationKey, text)
  return metadata
}

/** The failure reaches the caller on another way. */
function ignoreTwice(): void {}
