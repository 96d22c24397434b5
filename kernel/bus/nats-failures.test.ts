/** What a nats-server that dies, forgets, hangs or is cut off does to the bus: nothing that lasts. */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { createLog } from '../log.ts'
import type { NatsBus } from './nats-bus.ts'
import type { OpenNatsBusOptions } from './nats-settings.ts'
import { openNatsBus } from './nats.ts'
import { eventually, rawPublish, sendRaw, skipWithoutNats, TestNats } from './test-nats.ts'

const work = 'jobs.dispatch.local.cpu'
const consumer = { filter: work, name: 'jobs-dispatch-local-cpu' }
const timeoutMs = 10_000

describe('NATS bus, when the server fails', { skip: skipWithoutNats, timeout: 240_000 }, () => {
  let server: TestNats
  let opened: NatsBus[]
  const lines: string[] = []
  const log = createLog('info', (line) => lines.push(line))
  const open = async (options: Partial<OpenNatsBusOptions> = {}) => {
    const bus = await openNatsBus({ url: server.url, name: 'test', log, ...options })
    opened.push(bus)
    return bus
  }
  before(async () => {
    server = await TestNats.start()
  })
  after(() => server.stop())
  beforeEach(async () => {
    opened = []
    lines.length = 0
    await server.restart({ wipe: true })
  })
  afterEach(() => Promise.all(opened.map((bus) => bus.close())))

  test('kill -9 loses nothing that publish() resolved for, and forgets no id', async () => {
    const bus = await open()
    const ids = Array.from({ length: 300 }, (_, i) => i)
    const ring = (i: number) => bus.publish(work, i, { id: `a:${i}:0` })
    await Promise.all(ids.map(ring))
    await server.restart()
    await eventually(() => ring(0))
    await Promise.all(ids.map(ring))
    assert.equal(await bus.backlog(work), 300)
    const got = new Set<unknown>()
    const all = Promise.withResolvers<void>()
    await bus.consume({ ...consumer, concurrency: 8 }, async ({ data }) => {
      if (got.add(data).size === 300) all.resolve()
    })
    await all.promise
  })

  test('consumers, subscribers and responders go on after kill -9', async () => {
    const bus = await open()
    const worker = await open({ manage: false })
    const rung = new Inbox()
    const heard = new Inbox()
    await worker.consume({ ...consumer, concurrency: 2 }, async ({ data }) => rung.add(data))
    await worker.subscribe('workers.*.interrupt', ({ data }) => heard.add(data))
    await bus.respond('kernel.who', async () => 'me')
    for (let round = 0; round < 3; round++) {
      await server.restart()
      await eventually(() => bus.publish(work, round))
      await rung.until(round)
      await eventually(() => bus.publish('workers.w1.interrupt', round))
      const answer = () => worker.request('kernel.who', null, { timeoutMs })
      assert.equal(await eventually(answer), 'me')
    }
    assert.ok(bus.stats().reconnects >= 3)
    await heard.until(2)
  })

  test('a wiped store comes back: streams, consumers, and work', async () => {
    const bus = await open()
    const worker = await open({ manage: false })
    const rung = new Inbox()
    await worker.consume(consumer, async ({ data }) => rung.add(data))
    await bus.publish(work, 'before')
    await rung.until('before')
    await server.restart({ wipe: true })
    await eventually(() => bus.publish(work, 'after'))
    await rung.until('after')
    await bus.publish('jobs.events.j1', 1)
  })

  test('a stream and a consumer that somebody deleted come back', async () => {
    const bus = await open({ pull: { expiresMs: 1_000, heartbeatMs: 200 } })
    const rung = new Inbox()
    await bus.consume(consumer, async ({ data }) => rung.add(data))
    const path = `CONSUMER.DELETE.WEBENCODE_WORK.${consumer.name}`
    await sendRaw(server.url, rawPublish(`$JS.API.${path}`, '', { reply: 'nowhere' }))
    await bus.publish(work, 'without its consumer')
    await rung.until('without its consumer')
    await sendRaw(
      server.url,
      rawPublish('$JS.API.STREAM.DELETE.WEBENCODE_WORK', '', { reply: 'nowhere' }),
    )
    await eventually(() => bus.publish(work, 'without its stream'))
    await rung.until('without its stream')
  })

  test('without a server everything fails with WE-SYS-003 at once, and close() ends', async () => {
    const bus = await open()
    await bus.subscribe('live.a', () => {})
    await bus.consume(consumer, async () => {})
    await server.kill()
    await eventually(async () => assert.equal(bus.stats().connected, false))
    const startedAt = performance.now()
    for (
      const attempt of [
        () => bus.publish(work, 1),
        () => bus.publish('live.a', 1),
        () => bus.request('kernel.claim', 1, { timeoutMs }),
        () => bus.subscribe('live.b', () => {}),
        () => bus.respond('kernel.x', async () => 1),
        () => bus.consume({ filter: 'jobs.dispatch.local.copy', name: 'copy' }, async () => {}),
        () => bus.backlog(work),
      ]
    ) await assert.rejects(attempt, { code: 'WE-SYS-003', next: 'retry' })
    await bus.close()
    assert.ok(performance.now() - startedAt < 5_000)
  })

  test('what was sent to a server that died in that moment fails in bounded time', async () => {
    const bus = await open()
    await server.freeze()
    const startedAt = performance.now()
    const sent = Promise.allSettled([
      bus.publish(work, 1),
      bus.publish('live.a', 1),
      bus.request('kernel.claim', 1, { timeoutMs: 1_000 }),
    ])
    for (const { status } of await sent) assert.equal(status, 'rejected')
    assert.ok(performance.now() - startedAt < 10_000)
    await server.restart()
  })

  test('a server that hangs is given up and found again', async () => {
    const bus = await open({ pingIntervalMs: 250 })
    const rung = new Inbox()
    await bus.consume(consumer, async ({ data }) => rung.add(data))
    await server.freeze()
    await eventually(async () => assert.equal(bus.stats().connected, false))
    server.thaw()
    await eventually(() => bus.publish(work, 'again'))
    await rung.until('again')
  })

  test('a server that takes nothing is not sent more than 64 MiB, and is given up all the same', async () => {
    const bus = await open({ pingIntervalMs: 500 })
    await server.freeze()
    const large = 'x'.repeat(7 * 1024 * 1024)
    const sent = Array.from({ length: 20 }, () => bus.publish('live.a', large))
    const outcomes = await Promise.allSettled(sent)
    const reasons = outcomes.map((each) => each.status === 'rejected' ? String(each.reason) : '')
    assert.ok(reasons.every((reason) => reason !== ''))
    assert.ok(reasons.some((reason) => reason.includes('NATS takes messages too slowly')))
    await eventually(async () => assert.equal(bus.stats().connected, false))
    await server.restart()
    await eventually(() => bus.publish('live.a', 'small'))
  })

  test('a request for work that the server lost is sent again', async () => {
    const bus = await open({ pull: { expiresMs: 500, heartbeatMs: 50 } })
    const rung = new Inbox()
    await bus.consume(consumer, async ({ data }) => rung.add(data))
    await server.freeze()
    lines.length = 0
    await eventually(async () => assert.ok(lines.some((line) => line.includes('lost a request'))))
    server.thaw()
    await bus.publish(work, 'at last')
    await rung.until('at last')
  })

  test('a doorbell that was in hand when the connection was lost comes again', async () => {
    const bus = await open()
    const rung = new Inbox()
    const release = Promise.withResolvers<void>()
    const options = { ...consumer, concurrency: 2, ackWaitMs: 500 }
    await bus.consume(options, async ({ data }) => {
      rung.add(data)
      await release.promise
    })
    await bus.publish(work, 'once')
    await rung.until('once')
    await server.restart()
    await rung.until('once', 2)
    release.resolve()
  })

  test('openNatsBus() waits for a server that starts a little later', async () => {
    await server.kill()
    const opening = open({ openTimeoutMs: 30_000 })
    await server.restart()
    assert.equal((await opening).stats().connected, true)
  })
})

/** Collects what arrives; a test waits for a value instead of for time. */
class Inbox {
  readonly #all: unknown[] = []
  readonly #waiters = new Set<() => void>()

  add(value: unknown): void {
    this.#all.push(value)
    for (const look of this.#waiters) look()
  }

  async until(value: unknown, times = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#all.filter((each) => each === value).length >= times) resolve()
    }
    this.#waiters.add(look)
    look()
    await promise
    this.#waiters.delete(look)
  }
}
