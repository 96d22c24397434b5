/** The NATS bus on a real nats-server: the common suite, what it refuses, its limits, and what it asks of the server. */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { createLog, silentLog } from '../log.ts'
import { describeBus } from './bus.suite.ts'
import type { NatsBus } from './nats-bus.ts'
import type { OpenNatsBusOptions } from './nats-settings.ts'
import { openNatsBus } from './nats.ts'
import { maxPayloadBytes } from './payload.ts'
import { eventually, rawPublish, sendRaw, skipWithoutNats, TestNats } from './test-nats.ts'

const work = 'jobs.dispatch.local.cpu'
const timeoutMs = 10_000

describe('on a nats-server', { skip: skipWithoutNats, timeout: 240_000 }, () => {
  let server: TestNats
  before(async () => {
    server = await TestNats.start()
  })
  after(() => server.stop())

  describeBus('NATS bus', async () => {
    await server.restart({ wipe: true })
    return await openNatsBus({ url: server.url, name: 'suite', log: silentLog })
  })

  describe('NATS bus, alone', () => {
    let opened: NatsBus[]
    const lines: string[] = []
    const open = async (options: Partial<OpenNatsBusOptions> = {}) => {
      const log = createLog('info', (line) => lines.push(line))
      const bus = await openNatsBus({ url: server.url, name: 'test', log, ...options })
      opened.push(bus)
      return bus
    }
    beforeEach(async () => {
      opened = []
      lines.length = 0
      await server.restart({ wipe: true })
    })
    afterEach(() => Promise.all(opened.map((bus) => bus.close())))

    test('consume() ends what is not ours, malformed or newer, and goes on', async () => {
      const bus = await open()
      const got = Promise.withResolvers<unknown>()
      await bus.consume({ filter: work, name: 'cpu' }, async ({ data }) => got.resolve(data))
      await sendRaw(
        server.url,
        rawPublish(work, 'not JSON'),
        rawPublish(work, ''),
        rawPublish(work, '"odd"', { headers: ['We-Version: two'] }),
        rawPublish(work, '"newer"', { headers: ['We-Version: 2'] }),
        rawPublish(work, '"no header at all"', { headers: ['b@d h,eader: 1'] }),
        rawPublish(work, '"status"', { headers: ['We-Version: 3', 'Status: 408'] }),
      )
      await bus.publish(work, 'ours')
      assert.equal(await got.promise, 'ours')
      assert.equal(bus.stats().refused, 6)
      const refusals = lines.filter((line) => line.includes('refused a message'))
      assert.equal(refusals.length, 2, 'one line for each kind and subject')
      await bus.close()
      const next = await open()
      assert.equal(await next.backlog('jobs.dispatch.>'), 0)
    })

    test('consume() takes a message without headers as version 1', async () => {
      const bus = await open()
      const got = Promise.withResolvers<unknown>()
      await bus.consume({ filter: work, name: 'cpu' }, async (message) => got.resolve(message))
      await sendRaw(server.url, rawPublish(work, '{"a":1}'))
      assert.deepEqual(await got.promise, { subject: work, data: { a: 1 }, id: undefined })
    })

    test('subscribe() leaves out what is not ours, malformed or newer, and goes on', async () => {
      const bus = await open()
      for (const subject of ['jobs.events.j1', 'audit.system', 'live.telemetry.s1', 'workers.w1']) {
        const got = Promise.withResolvers<unknown>()
        const subscription = await bus.subscribe(subject, ({ data }) => got.resolve(data))
        const refused = bus.stats().refused
        await sendRaw(
          server.url,
          rawPublish(subject, '{'),
          rawPublish(subject, '1', { headers: ['We-Version: 2'] }),
          rawPublish(subject, '1', { headers: ['b@d h,eader: 1'] }),
        )
        await bus.publish(subject, 'ours')
        assert.equal(await got.promise, 'ours')
        assert.equal(bus.stats().refused - refused, 3)
        await subscription.close()
      }
    })

    test('respond() answers what it cannot read with an error, and ignores what wants no answer', async () => {
      const bus = await open()
      const asked: unknown[] = []
      await bus.respond('kernel.claim', async (data) => {
        asked.push(data)
        return null
      })
      const answers = Promise.withResolvers<unknown[]>()
      const got: unknown[] = []
      await bus.subscribe('answers.*', ({ data }) => {
        if (got.push(data) === 2) answers.resolve(got)
      })
      await sendRaw(
        server.url,
        rawPublish('kernel.claim', '1'),
        rawPublish('kernel.claim', '{', { reply: 'answers.1' }),
        rawPublish('kernel.claim', '1', { reply: 'answers.2', headers: ['We-Version: 2'] }),
      )
      const text = JSON.stringify(await answers.promise)
      assert.match(text, /"code":"WE-SYS-003".*not JSON/)
      assert.match(text, /version 2 is not one that this process reads \(1\)/)
      assert.equal(await bus.request('kernel.claim', 'ours', { timeoutMs }), null)
      assert.deepEqual(asked, ['ours'])
    })

    test('request() refuses an answer that it cannot read', async () => {
      const bus = await open()
      const reader = await open()
      await reader.subscribe('kernel.x', () => {})
      await assert.rejects(bus.request('kernel.x', 1, { timeoutMs: 200 }), { code: 'WE-SYS-003' })
      await assert.rejects(
        bus.request('$JS.API.STREAM.INFO.NONE', 1, { timeoutMs }),
        /Cannot read the reply/,
      )
    })

    test('request() and respond() carry payloads up to the limit', async () => {
      const bus = await open()
      const full = 'x'.repeat(maxPayloadBytes - JSON.stringify({ value: '' }).length)
      await bus.respond('kernel.echo', async (data) => data)
      assert.equal(await bus.request('kernel.echo', full, { timeoutMs }), full)
      await assert.rejects(bus.request('kernel.echo', `${full}xx`, { timeoutMs }), {
        code: 'WE-SYS-003',
        next: 'stop',
      })
    })

    test('publish() answers WE-SYS-003 when the work queue is full, until work is taken', async () => {
      const bus = await open({ capacity: 2 })
      await bus.publish(work, 1)
      await bus.publish(work, 2)
      await assert.rejects(bus.publish(work, 3), { code: 'WE-SYS-003', next: 'retry' })
      await bus.publish('jobs.events.j1', 'other streams go on')
      const again = Promise.withResolvers<void>()
      await bus.consume({ filter: work, name: 'cpu' }, async ({ data }) => {
        if (data === 4) again.resolve()
      })
      await eventually(() => bus.publish(work, 4))
      await again.promise
    })

    test('publish() refuses a doorbell that is larger than 64 KiB for good', async () => {
      const bus = await open()
      await assert.rejects(bus.publish(work, 'x'.repeat(65_536)), {
        code: 'WE-SYS-003',
        next: 'stop',
      })
    })

    test('consume() on two buses shares the work and does nothing twice', async () => {
      const [one, other] = [await open(), await open()]
      const done = new Map<unknown, number>()
      const served = new Set<number>()
      const both = Promise.withResolvers<void>()
      const all = Promise.withResolvers<void>()
      for (const [i, bus] of [one, other].entries()) {
        const options = { filter: work, name: 'cpu', concurrency: 4, ackWaitMs: 60_000 }
        await bus.consume(options, async ({ data }) => {
          served.add(i)
          if (served.size === 2) both.resolve()
          await both.promise
          done.set(data, (done.get(data) ?? 0) + 1)
          if (done.size === 300) all.resolve()
        })
      }
      await Promise.all(
        Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? one : other).publish(work, i)),
      )
      await all.promise
      assert.deepEqual([...new Set(done.values())], [1])
      assert.equal(await one.backlog('jobs.dispatch.>'), 0)
    })

    test('backlog() leaves out what is in hand', async () => {
      const bus = await open()
      const started = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      for (let i = 0; i < 3; i++) await bus.publish(work, i)
      await bus.consume({ filter: work, name: 'cpu' }, async () => {
        started.resolve()
        await release.promise
      })
      await started.promise
      assert.equal(await bus.backlog('jobs.dispatch.>'), 2)
      assert.equal(await bus.backlog('jobs.events.*'), 0)
      release.resolve()
    })

    test('close() waits for subscribers and responders that run', async () => {
      const bus = await open()
      const asker = await open()
      const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const release = Promise.withResolvers<void>()
      let finished = 0
      const run = async (i: number) => {
        started[i]?.resolve()
        await release.promise
        finished++
        return null
      }
      await bus.subscribe('live.a', async () => void (await run(0)))
      await bus.respond('kernel.slow', () => run(1))
      await asker.publish('live.a', 1)
      const answer = asker.request('kernel.slow', 1, { timeoutMs })
      await Promise.all(started.map(({ promise }) => promise))
      const closing = bus.close().then(() => finished)
      release.resolve()
      assert.equal(await closing, 2)
      assert.equal(await answer, null, 'the answer was sent before the connection ended')
    })

    test('openNatsBus() by several at once makes the streams once, and updates older settings', async () => {
      await Promise.all([open(), open(), open()])
      const bus = await open({ capacity: 1 })
      await bus.publish(work, 1)
      await assert.rejects(bus.publish(work, 2), { code: 'WE-SYS-003' })
    })

    test('openNatsBus() that may not manage has its consumer made by one that may', async () => {
      const worker = await open({ manage: false })
      const got = Promise.withResolvers<unknown>()
      const options = { filter: work, name: 'jobs-dispatch-local-cpu' }
      await worker.consume(options, async ({ data }) => got.resolve(data))
      const kernel = await open()
      await kernel.publish(work, 'ring')
      assert.equal(await got.promise, 'ring')
      await assert.rejects(
        worker.consume({ filter: work, name: 'mine' }, async () => {}),
        TypeError,
      )
      for (const filter of ['jobs.dispatch.>', 'jobs.dispatch.*.cpu', 'audit.a.b.c', 5]) {
        await assert.rejects(worker.request('kernel.consumer', { filter }, { timeoutMs }), {
          code: 'WE-SYS-003',
          next: 'stop',
        })
      }
    })
  })
})

describe('openNatsBus() asks of the server', { skip: skipWithoutNats, timeout: 60_000 }, () => {
  const openOn = async (config: string, path = '') => {
    const server = await TestNats.start({ config })
    const lines: string[] = []
    const log = createLog('debug', (line) => lines.push(line))
    const url = server.url.replace('ws://', `ws://${path}`)
    try {
      const bus = await openNatsBus({ url, name: 'test', log })
      await bus.close()
      return { lines, failure: undefined }
    } catch (failure) {
      return { lines, failure: failure as Error & { code: string; next: string } }
    } finally {
      await server.stop()
    }
  }
  const users = 'max_payload: 8MB\nauthorization { user: ada, password: enchantress }'

  test('the right credentials, and never repeats them', async () => {
    assert.equal((await openOn(users, 'ada:enchantress@')).failure, undefined)
    const { failure, lines } = await openOn(users, 'ada:babbage-secret@')
    assert.equal(failure?.code, 'WE-SYS-003')
    assert.equal(failure?.next, 'stop')
    assert.match(failure?.message ?? '', /Cannot use NATS at ws:.* refused the credentials/)
    assert.doesNotMatch(
      JSON.stringify([failure, failure?.message, failure?.stack, lines]),
      /babbage/,
    )
  })

  test('a token, when that is what the URL holds', async () => {
    const config = 'max_payload: 8MB\nauthorization { token: "t/ken" }'
    assert.equal((await openOn(config, 't%2Fken@')).failure, undefined)
    assert.equal((await openOn(config, '')).failure?.next, 'stop')
  })

  test('messages of 8 MiB', async () => {
    const { failure } = await openOn('')
    assert.equal(failure?.next, 'stop')
    assert.match(failure?.message ?? '', /1048576 bytes; set max_payload: 8MB/)
  })
})

test('openNatsBus() gives up when no server answers in time', async () => {
  const url = 'ws://127.0.0.1:2'
  const options = { url, name: 'test', log: silentLog, openTimeoutMs: 300 }
  await assert.rejects(openNatsBus(options), { code: 'WE-SYS-003', next: 'retry' })
  await assert.rejects(
    openNatsBus({ ...options, url: 'nats://secret@here' }),
    (failure) => failure instanceof TypeError && !failure.message.includes('secret'),
  )
})
