/** Objects between a worker and kernels that share no disk: real desks, real servers, and a network that cuts. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { finishedWith } from '../../actors/desk/answers.fixture.ts'
import { ann, eventually, openWorldOver, workerOf } from '../../actors/desk/world.fixture.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { openBench } from '../../kernel/http/fixture.ts'
import { silentLog } from '../../kernel/log.ts'
import { createOutbound } from '../../kernel/outbound.ts'
import { createRuntime } from '../../kernel/runtime/serve.ts'
import { createSources } from '../../kernel/sources.ts'
import { createFsStorage } from '../../plugins/storage-fs/storage.ts'
import { createKernelLink } from '../../workers/kernel-link.ts'
import { createObjectQuestions } from '../../workers/object-questions.ts'
import { createRemoteObjects } from '../../workers/remote-objects.ts'
import { openSource } from '../../workers/source.ts'
import { createSourceProxy } from '../../workers/source-proxy.ts'
import type { ObjectLease, WorkerObjects } from '../../workers/transfer.ts'

const megabyte = 1024 * 1024
/** Two pieces and a half. */
const film = randomBytes(40 * megabyte)
const filmRef = {
  sizeBytes: film.length,
  sha256: createHash('sha256').update(film).digest('hex'),
}

/** Waits are over at once: what is waited for has its own tests. */
const hastyClock: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(0, signal) }

/** Carries connections to a port that may change, and cuts each after a number of bytes. */
async function openNetwork() {
  const state = { port: 0, cutAfterBytes: Infinity, cuts: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(state.port, '127.0.0.1')
    let bytes = 0
    const end = () => {
      client.destroy()
      target.destroy()
    }
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes < state.cutAfterBytes) return
      state.cuts++
      end()
    }
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
      socket.on('data', count)
    }
    client.pipe(target)
    target.pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

type Network = Awaited<ReturnType<typeof openNetwork>>

let directory: string
let network: Network
let world: Awaited<ReturnType<typeof openKernels>>
let worker: ReturnType<typeof workerOf>

/** A desk, and any number of HTTP servers that share the directory of the objects. */
async function openKernels(root: string, { url, state }: Network) {
  const mediaRoot = join(root, 'media')
  mkdirSync(mediaRoot)
  writeFileSync(join(mediaRoot, 'film.mp4'), film)
  const openStorage = () =>
    createFsStorage({
      root: join(root, 'objects'),
      signingKey: new Uint8Array(32).fill(7),
      publicPath: '/v1/objects',
      workerUrlBase: () => url,
      mediaRoots: [mediaRoot],
      now: Date.now,
      log: silentLog,
    })
  const storage = openStorage()
  const { resolveSource } = createSources({
    roots: [mediaRoot],
    storage,
    outbound: createOutbound(),
    uploadsBucket: 'media',
    getMediaUrl: storage.getMediaUrl,
  })
  const desk = await openWorldOver(storage, { resolveSource })
  /** Opens a server and leads the network to it. */
  const openServer = async () => {
    const own = openStorage()
    const bench = await openBench({ db: desk.db, serveObject: (request) => own.serve(request) })
    const runtime = await createRuntime()
    const server = await runtime.serve({ app: bench.app, port: 0, host: '127.0.0.1', graceMs: 20 })
    state.port = server.port
    return {
      async close() {
        await server.close()
        await bench.close()
      },
    }
  }
  const sourceUrl = pathToFileURL(join(mediaRoot, 'film.mp4')).href
  return { ...desk, openServer, sourceUrl, objects: join(root, 'objects/media') }
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'transfer-check-'))
  network = await openNetwork()
  world = await openKernels(directory, network)
  worker = workerOf(world)
  await worker.join()
})
after(async () => {
  await world.close()
  network.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(() => Object.assign(network.state, { cutAfterBytes: Infinity, cuts: 0 }))

interface Hands {
  readonly brief: TaskBrief
  readonly lease: ObjectLease
  readonly stop: AbortController
  readonly objects: WorkerObjects
  readonly moved: { in: number; out: number }
  /** Called after bytes moved. */
  onMove: (moved: { in: number; out: number }) => void
  readonly cacheDirectory: string
  readonly film: string
}

/** A new job's first task in the hands of a worker. */
async function takeTask(sourceUrl = world.sourceUrl): Promise<Hands> {
  await world.gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast' }, ann)
  const [brief] = await eventually(async () => {
    const briefs = await worker.claim(1)
    return briefs.length === 1 && briefs
  })
  assert.ok(brief)
  const stop = new AbortController()
  const own = mkdtempSync(join(directory, 'worker-'))
  const moved = { in: 0, out: 0 }
  const cacheDirectory = join(own, 'cache')
  const member = { workerId: 'w1', session: 'session-1' }
  const objects = createRemoteObjects({
    ...createObjectQuestions(createKernelLink(world.bus), member),
    cacheDirectory,
    cacheBytes: 100 * megabyte,
    clock: hastyClock,
    log: silentLog,
    onTransfer(direction, bytes) {
      moved[direction] += bytes
      hands.onMove(moved)
    },
  })
  const file = join(own, 'film.mp4')
  writeFileSync(file, film)
  const { taskId, leaseToken } = brief
  const hands: Hands = {
    brief,
    lease: { taskId, leaseToken, signal: stop.signal },
    stop,
    objects,
    moved,
    onMove() {},
    cacheDirectory,
    film: file,
  }
  return hands
}

function put({ objects, brief, film, lease }: Hands, name = 'film.mp4') {
  return objects.put(`${brief.outputPrefix}/${name}`, film, 'video/mp4', lease)
}

function read({ objects, lease }: Hands, key: string) {
  // The brief's URL is as good as none: the first try asks anew.
  return objects.read(
    { key, ...filmRef, url: `${network.url}/v1/objects/media/x?expires=1` },
    lease,
  )
}

test('an object goes up and down through connections that are cut again and again', async () => {
  const server = await world.openServer()
  const hands = await takeTask()
  network.state.cutAfterBytes = 5 * megabyte
  const { key } = await put(hands)
  assert.deepEqual(readFileSync(join(world.objects, key)), film)
  const path = await read(hands, key)
  assert.deepEqual(readFileSync(path), film)
  assert.ok(network.state.cuts >= 14, `${network.state.cuts} cuts`)
  // What was on its way when a connection was cut is sent again, and nothing else.
  assert.ok(hands.moved.in < 1.1 * film.length, `${hands.moved.in} bytes came`)
  assert.ok(hands.moved.out < 2 * film.length, `${hands.moved.out} bytes went`)
  assert.deepEqual(readdirSync(join(world.objects, '.part')), [])
  await server.close()
})

test('an upload and a download go on when their kernel dies and another one is there', async () => {
  const first = await world.openServer()
  const hands = await takeTask()
  let moving: Promise<unknown> | undefined
  const moveAfter = (direction: 'in' | 'out', server: { close(): Promise<void> }) => {
    moving = undefined
    hands.onMove = (moved) => {
      if (moved[direction] > 20 * megabyte) {
        moving ??= world.openServer().then(async (next) => {
          await server.close()
          return next
        })
      }
    }
  }
  moveAfter('out', first)
  const { key } = await put(hands)
  assert.ok(moving)
  const second = await moving as typeof first
  assert.deepEqual(readFileSync(join(world.objects, key)), film)
  moveAfter('in', second)
  const path = await read(hands, key)
  assert.ok(moving)
  assert.deepEqual(readFileSync(path), film)
  await (await moving as typeof first).close()
})

test('FFmpeg goes on reading a media file of the kernel when that kernel dies', async (t) => {
  const first = await world.openServer()
  const { brief, lease, objects } = await takeTask()
  assert.equal(brief.source.isStored, true)
  assert.match(brief.source.url, /^http:.*\/v1\/objects\/library\//)
  const sources = await createSourceProxy({
    open: createOutbound().open,
    log: silentLog,
    clock: hastyClock,
  })
  t.after(() => sources.close())
  const source = openSource(brief.source, { sources, objects }, lease)
  const reader = (await fetch(source.input)).body?.getReader()
  const chunks: Uint8Array[] = []
  let second: typeof first | undefined
  for (let bytes = 0;;) {
    const { value } = await reader?.read() ?? {}
    if (value === undefined) break
    chunks.push(value)
    bytes += value.length
    if (second !== undefined || bytes < megabyte) continue
    second = await world.openServer()
    await first.close()
  }
  assert.ok(Buffer.concat(chunks).equals(film))
  assert.equal(source.proxied?.failure(), undefined)
  await second?.close()
})

test('two uploads of one key end with the one object', async () => {
  const server = await world.openServer()
  const hands = await takeTask()
  const [one, other] = await Promise.all([put(hands), put(hands)])
  assert.deepEqual(one, other)
  assert.deepEqual(readFileSync(join(world.objects, one.key)), film)
  await server.close()
})

test('a task that is cancelled in the middle of a transfer leaves no object and no file', async () => {
  const server = await world.openServer()
  const hands = await takeTask()
  hands.onMove = ({ out }) => out > 20 * megabyte && hands.stop.abort(new Error('lost'))
  await assert.rejects(put(hands), /lost/)
  assert.ok(!existsSync(join(world.objects, hands.brief.outputPrefix, 'film.mp4')))
  const other = await takeTask()
  const { key } = await put(other)
  other.onMove = (moved) => moved.in > megabyte && other.stop.abort(new Error('lost'))
  await assert.rejects(read(other, key), /lost/)
  assert.deepEqual(readdirSync(other.cacheDirectory), [])
  await server.close()
})

test('with the lease the right to write ends, but for the log; only the unwanted may be deleted', async () => {
  const server = await world.openServer()
  const hands = await takeTask()
  const { brief, lease, objects } = hands
  const { key } = await put(hands)
  const outside = `jobs/another/work/film.mp4`
  await assert.rejects(objects.put(outside, hands.film, 'video/mp4', lease), { code: 'WE-WRK-004' })
  assert.equal(await worker.report(brief, { status: 'released' }), true)
  await assert.rejects(put(hands, 'late.mp4'), { code: 'WE-WRK-004' })
  const log = `jobs/${brief.jobId}/logs/${brief.taskId}.${brief.attempt}.log`
  await objects.put(log, hands.film, 'text/plain; charset=utf-8', lease)
  assert.ok(existsSync(join(world.objects, log)))
  await objects.remove(key, lease)
  assert.ok(!existsSync(join(world.objects, key)))
  const next = await takeTask()
  const adopted = await put(next)
  assert.equal(await worker.report(next.brief, finishedWith(next.brief)), true)
  await assert.rejects(next.objects.remove(adopted.key, next.lease), { code: 'WE-WRK-004' })
  assert.ok(existsSync(join(world.objects, adopted.key)))
  await server.close()
})
