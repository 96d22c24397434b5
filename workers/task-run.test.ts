/** One attempt: what its handler is given, and what comes out of a source or an input that fails. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { EncoderRouting } from '../kernel/contract/encoder-routing.ts'
import type { TaskInput } from '../kernel/contract/task.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { Lease } from './lease.ts'
import { ManualClock } from './manual-clock.fixture.ts'
import { TaskLog } from './task-log.ts'
import { briefFor, encodeResult } from './task.fixture.ts'
import { runTask, type TaskOutcome } from './task-run.ts'
import { type TaskContext, TaskFailed, type TaskHandler } from './tasks/context.ts'
import { DamagedObject } from './transfer.ts'

const sha256 = '0'.repeat(64)

interface Attempt {
  readonly handler: TaskHandler
  readonly url?: string
  readonly isStored?: true
  readonly sourceFailure?: string
  readonly readError?: Error
  readonly encoderName?: 'ffmpeg' | 'wasm'
  /** What the kernel said with the task. */
  readonly encoders?: EncoderRouting
  /** Where the source can be read while it is open. */
  readonly proxyUrl?: string
  /** Called while the source is being opened. */
  readonly onOpening?: (lease: Lease) => void
}

const capabilities = {
  version: '5.1',
  videoCodecs: [],
  audioCodecs: [],
  gpuAccelerated: false,
} as const

/** Runs one handler; tells the outcome, the log and whether the source was closed. */
async function attempt(t: TestContext, options: Attempt) {
  const { handler, url, isStored, sourceFailure, readError, encoderName = 'ffmpeg', proxyUrl } =
    options
  const workDirectory = mkdtempSync(join(tmpdir(), 'run-'))
  t.after(() => rmSync(workDirectory, { recursive: true, force: true }))
  const clock = new ManualClock()
  const taskLog = new TaskLog(clock.now)
  const closed: string[] = []
  const released: string[] = []
  const renewed: Promise<string | undefined>[] = []
  const followed: EncoderRouting[] = []
  const brief = briefFor('a', {
    ...(url !== undefined && { source: { url, name: 'film.mp4', ...(isStored && { isStored }) } }),
    ...(options.encoders !== undefined && { encoders: options.encoders }),
  })
  const lease = new Lease(brief)
  const outcome: TaskOutcome = await runTask(
    lease,
    {
      clock,
      workDirectory,
      log: silentLog,
      followEncoders: (routing) => void followed.push(routing),
      encoder: {
        getCapabilities() {
          options.onOpening?.(lease)
          return Promise.resolve({ ...capabilities, name: encoderName, gpuType: 'none' })
        },
        run: () => Promise.reject(new Error('not run')),
        close: () => Promise.resolve(),
      },
      handlers: {
        probe: handler,
        encode: handler,
        audio: handler,
        stitch: handler,
        remux: handler,
        verify: handler,
      },
      objects: {
        put: (key) => Promise.resolve({ key, sizeBytes: 1, sha256 }),
        read: () =>
          readError === undefined ? Promise.resolve('/objects/a') : Promise.reject(readError),
        remove: () => Promise.resolve(),
        sourceUrl: ({ leaseToken }) => Promise.resolve(`http://new/${leaseToken}`),
        release: ({ leaseToken }) => void released.push(leaseToken),
      },
      sources: {
        add(sourceUrl, name, stored) {
          renewed.push(Promise.resolve(stored?.renew()))
          return {
            url: proxyUrl ?? `http://127.0.0.1:1/token/${name}`,
            bytes: () => 7,
            failure: () => sourceFailure,
            close: () => void closed.push(sourceUrl),
          }
        },
        close: () => Promise.resolve(),
      },
    },
    taskLog,
    () => {},
  )
  const { text } = taskLog
  return { outcome, lease, closed, released, renewed, followed, text, workDirectory }
}

function failureOf(outcome: TaskOutcome) {
  assert.equal(outcome.status, 'failed')
  return outcome.status === 'failed' ? outcome.failure : assert.fail()
}

test('a handler gets a local source by its path, and its own directory', async (t) => {
  let seen: TaskContext | undefined
  const { outcome, workDirectory, text } = await attempt(t, {
    url: 'file:///media/my%20film.mp4',
    handler(context) {
      seen = context
      assert.ok(existsSync(context.directory))
      return Promise.resolve(encodeResult())
    },
  })
  assert.equal(outcome.status, 'finished')
  assert.match(text, /For request req-1\n/)
  assert.equal(seen?.sourceInput, '/media/my film.mp4')
  assert.equal(seen?.directory, join(workDirectory, 'job1.encode.a.1'))
  assert.equal(existsSync(seen.directory), false)
})

test('a task that is stopped while its source is opened never gets to its handler', async (t) => {
  let isCalled = false
  const { outcome } = await attempt(t, {
    url: 'https://example.com/film.mp4',
    onOpening: (lease) => lease.stop('lost'),
    handler() {
      isCalled = true
      return Promise.resolve(encodeResult())
    },
  })
  assert.deepEqual([outcome.status, isCalled], ['lost', false])
})

test('the encoder hears before the handler what the kernel says of encoders, if it says so', async (t) => {
  const encoders = { rules: [], plugins: [] }
  const handler = () => Promise.resolve(encodeResult())
  assert.deepEqual((await attempt(t, { handler, encoders })).followed, [encoders])
  assert.deepEqual((await attempt(t, { handler })).followed, [])
})

test('a handler gets a source on the network through the proxy, for as long as it runs', async (t) => {
  const { closed, text } = await attempt(t, {
    url: 'https://example.com/film.mp4',
    handler({ sourceInput }) {
      assert.equal(sourceInput, 'http://127.0.0.1:1/token/film.mp4')
      return Promise.resolve(encodeResult())
    },
  })
  assert.deepEqual(closed, ['https://example.com/film.mp4'])
  assert.match(text, /Read 7 bytes/)
})

test('only a source of our own storage may be asked for anew', async (t) => {
  const url = 'http://10.0.0.5/film.mp4'
  const handler: TaskHandler = () => Promise.resolve(encodeResult())
  const stored = await attempt(t, { url, isStored: true, handler })
  assert.deepEqual(await Promise.all(stored.renewed), ['http://new/token-a'])
  const named = await attempt(t, { url, handler })
  assert.deepEqual(await Promise.all(named.renewed), [undefined])
})

test('a source of another scheme is refused before the handler runs', async (t) => {
  const handler: TaskHandler = () => assert.fail('must not run')
  const { outcome } = await attempt(t, { url: 'concat:/etc/passwd', handler })
  const { kind, code } = failureOf(outcome)
  assert.deepEqual([kind, code], ['invalid-input', 'WE-JOB-002'])
})

test('publish() puts files below the output prefix and remembers their keys', async (t) => {
  const { lease, released } = await attempt(t, {
    async handler({ publish }) {
      await publish('/tmp/x.mp4', 'chunk.mp4', 'video/mp4')
      return encodeResult()
    },
  })
  assert.deepEqual(lease.published, ['jobs/job1/work/a/1/chunk.mp4'])
  assert.deepEqual(released, ['token-a'])
})

test('input() names the task whose object is damaged', async (t) => {
  const input: TaskInput = {
    key: 'k',
    sizeBytes: 1,
    sha256,
    url: 'file:///k',
    taskId: 'job1.encode.9',
    index: 9,
  }
  const handler: TaskHandler = async (context) => {
    await context.input(input)
    return encodeResult()
  }
  const damaged = await attempt(t, {
    handler,
    readError: new DamagedObject('Object "k" is missing'),
  })
  const { kind, redo } = failureOf(damaged.outcome)
  assert.deepEqual([kind, redo], ['damaged-input', ['job1.encode.9']])
  const unreachable = await attempt(t, { handler, readError: new Error('disk error') })
  assert.equal(failureOf(unreachable.outcome).kind, 'internal')
})

test('bytes that do not reach storage as they are fail the attempt as a damaged output', async (t) => {
  const refusal = new WebEncodeError('WE-STO-006', 'Cannot store "a"')
  const { outcome } = await attempt(t, {
    url: 'https://example.com/film.mp4',
    sourceFailure: 'The source answered 503',
    handler: () => Promise.reject(refusal),
  })
  const { kind, code } = failureOf(outcome)
  assert.deepEqual([kind, code], ['damaged-output', 'WE-STO-006'])
})

test('a source that stopped answering is blamed, not the file that seems to end early', async (t) => {
  const shortFile = {
    kind: 'invalid-input',
    code: 'WE-JOB-007',
    message: 'Truncated file',
  } as const
  const { outcome } = await attempt(t, {
    url: 'https://example.com/film.mp4',
    sourceFailure: 'The source answered 503',
    handler: () => Promise.reject(new TaskFailed(shortFile)),
  })
  const { kind, message, detail } = failureOf(outcome)
  assert.deepEqual([kind, message], ['source-unavailable', 'The source answered 503'])
  assert.match(detail ?? '', /Truncated file/)
})

test('an encoder that cannot read from the network gets a copy of the source', async (t) => {
  const server = createServer((_, response) => response.end('the film')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let input = ''
  const { outcome } = await attempt(t, {
    url: 'https://example.com/film.mp4',
    encoderName: 'wasm',
    proxyUrl: `http://127.0.0.1:${port}/film.mp4`,
    handler: async ({ sourceInput }) => {
      input = await readFile(sourceInput, 'utf8')
      return encodeResult('a')
    },
  })
  assert.equal(outcome.status, 'finished')
  assert.equal(input, 'the film')
})
