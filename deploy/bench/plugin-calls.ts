/** What one call of a plugin costs over the same call in the process, and what gRPC alone takes in the same minutes. */
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { type Method, serviceOf } from '../../kernel/plugin/services.ts'
import { endLater } from '../cluster/endings.ts'
import { type Figure, latencyFigures, median, percentile } from './figure.ts'

const rounds = 10
const callsPerRound = 500
const warmUpCalls = 500

/** What is measured; both storages have `target`. */
export interface MeasuredCalls {
  /** The storage in a plugin. */
  readonly remote: StorageProvider
  /** The same without a process between. */
  readonly local: StorageProvider
  readonly target: { readonly bucket: string; readonly path: string }
  /** For the socket of the bare server. */
  readonly directory: string
}

/** The overhead of a call. The three ways take turns, so that whatever else the machine does hits them alike. */
export async function measureCalls(
  { remote, local, target, directory }: MeasuredCalls,
  say: (line: string) => void,
): Promise<Figure[]> {
  const bare = await startBareServer(join(directory, 'bare.sock'))
  try {
    const ways = [
      () => local.getObjectMetadata(target),
      () => remote.getObjectMetadata(target),
      () => bare.call(target),
    ]
    for (const way of ways) await timesOf(way, warmUpCalls)
    const times: number[][] = ways.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (const [i, way] of ways.entries()) times[i]?.push(...await timesOf(way, callsPerRound))
    }
    return figuresFrom(times, say)
  } finally {
    await bare.stop()
  }
}

function figuresFrom(
  [local = [], remote = [], bare = []]: readonly number[][],
  say: (line: string) => void,
): Figure[] {
  const inProcess = median(local)
  const words = (times: readonly number[]) =>
    `${median(times).toFixed(2)} / ${percentile(times, 0.99).toFixed(2)} ms`
  const ways = `p50 / p99 in the process ${words(local)}, by a gRPC server that only answers ${
    words(bare)
  }`
  say(`a call of the plugin: ${words(remote)}; ${ways}`)
  const overhead = remote.map((ms) => Math.max(0, ms - inProcess))
  const detail = `${remote.length} calls of GetObjectMetadata, one after the other, less ${
    inProcess.toFixed(3)
  } ms in the process; ${ways}`
  return latencyFigures('plugin call overhead', overhead, { p50: 0.5, p99: 2, detail })
}

async function timesOf(call: () => Promise<unknown>, count: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    await call()
    times.push(performance.now() - begun)
  }
  return times
}

/** The floor: grpc-js at both ends of a Unix socket, and nothing of ours. */
async function startBareServer(socket: string) {
  const program = fileURLToPath(new URL('./bare-grpc-server.js', import.meta.url))
  const server = spawn(process.execPath, [program, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(server.stdout, 'data', { signal: AbortSignal.timeout(10_000) })
  const client = new Client(`unix:${socket}`, ChannelCredentials.createInsecure())
  const method = serviceOf('storage')['GetObjectMetadata'] as Method
  const { path, requestSerialize, responseDeserialize } = method
  return {
    call(request: object): Promise<unknown> {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + 10_000 },
        (failure, answer) => failure === null ? resolve(answer) : reject(failure),
      )
      return promise
    },
    stop: endLater(() => {
      client.close()
      server.kill('SIGKILL')
    }),
  }
}
