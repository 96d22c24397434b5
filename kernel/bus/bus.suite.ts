/** The behaviour that every bus adapter must show: run it with a function that opens a fresh, empty bus. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Json } from '../contract/json.ts'
import { WebEncodeError } from '../errors.ts'
import type { Bus, Message } from './bus.ts'

/** Collects what arrives, and lets a test wait for the n-th arrival instead of for time. */
class Arrivals<T> {
  readonly all: T[] = []
  readonly #waiters: { count: number; resolve: (all: T[]) => void }[] = []

  readonly add = (item: T): void => {
    this.all.push(item)
    for (const { count, resolve } of this.#waiters) if (this.all.length >= count) resolve(this.all)
  }

  reach(count: number): Promise<T[]> {
    if (this.all.length >= count) return Promise.resolve(this.all)
    return new Promise((resolve) => this.#waiters.push({ count, resolve }))
  }
}

const work = 'jobs.dispatch.local'
const timeoutMs = 5_000

function isCode(code: string): (failure: unknown) => boolean {
  return (failure) => failure instanceof WebEncodeError && failure.code === code
}

function dataOf(messages: readonly Message[]): Json[] {
  return messages.map((message) => message.data)
}

/**
 * Declares the suite.
 * @param openBus - opens a bus whose work queue is empty; called before each test, closed after it
 */
export function describeBus(name: string, openBus: () => Promise<Bus>): void {
  describe(name, { timeout: 30_000 }, () => {
    let bus: Bus
    beforeEach(async () => {
      bus = await openBus()
    })
    afterEach(async () => {
      await bus.close()
    })
    const context = { get: () => bus }
    describePublish(context)
    describeWorkQueue(context)
    describeRequests(context)
    describeClose(context)
  })
}

interface Context {
  readonly get: () => Bus
}

function describePublish({ get }: Context): void {
  test('subscribe() gets the messages of its filter in order, and no others', async () => {
    const got = new Arrivals<Message>()
    await get().subscribe('jobs.events.*', got.add)
    await get().publish('jobs.other', 0)
    await get().publish('jobs.events.a.deep', 0)
    await get().publish('jobs.events.a', 1)
    await get().publish('jobs.events.b', 2)
    const messages = await got.reach(2)
    assert.deepEqual(messages.map(({ subject, data }) => ({ subject, data })), [
      { subject: 'jobs.events.a', data: 1 },
      { subject: 'jobs.events.b', data: 2 },
    ])
  })

  test('subscribe() with ">" gets every deeper subject', async () => {
    const got = new Arrivals<Message>()
    await get().subscribe('live.>', got.add)
    await get().publish('live', 0)
    await get().publish('live.a', 1)
    await get().publish('live.a.b.c', 2)
    assert.deepEqual(dataOf(await got.reach(2)), [1, 2])
  })

  test('subscribe() goes on after a handler threw, and other subscribers are not disturbed', async () => {
    const one = new Arrivals<Message>()
    const other = new Arrivals<Message>()
    await get().subscribe('live.a', (message) => {
      one.add(message)
      throw new Error('handler of a test')
    })
    await get().subscribe('live.a', other.add)
    await get().publish('live.a', 1)
    await get().publish('live.a', 2)
    assert.deepEqual(dataOf(await one.reach(2)), [1, 2])
    assert.deepEqual(dataOf(await other.reach(2)), [1, 2])
  })

  test('publish() copies data, so that a subscriber cannot change what another one sees', async () => {
    const got = new Arrivals<Message>()
    await get().subscribe('live.a', (message) => {
      const data = message.data as { list: number[] }
      data.list.push(9)
      got.add(message)
    })
    await get().subscribe('live.a', got.add)
    const sent = { list: [1], absent: undefined } as unknown as Json
    await get().publish('live.a', sent)
    const seen = JSON.stringify(dataOf(await got.reach(2)).toSorted(byText))
    assert.equal(seen, '[{"list":[1,9]},{"list":[1]}]')
    assert.deepEqual(sent, { list: [1], absent: undefined })
  })

  test('close() of a subscription ends it', async () => {
    const got = new Arrivals<Message>()
    const first = await get().subscribe('live.a', () => assert.fail('closed'))
    await first.close()
    await get().subscribe('live.a', got.add)
    await get().publish('live.a', 1)
    await got.reach(1)
  })

  test('publish() refuses wildcards, empty tokens and data that is not JSON', async () => {
    for (const subject of ['live.*', 'live.>', 'live..a', '', 'live a']) {
      await assert.rejects(get().publish(subject, 1), TypeError, subject)
    }
    await assert.rejects(get().publish('live.a', undefined as unknown as Json), TypeError)
    await assert.rejects(get().subscribe('live.>.a', () => {}), TypeError)
  })

  test('publish() refuses what is larger than 8 MiB', async () => {
    await assert.rejects(
      get().publish('live.a', 'x'.repeat(8 * 1024 * 1024)),
      isCode('WE-SYS-003'),
    )
  })
}

function byText(one: Json, other: Json): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}

function describeWorkQueue({ get }: Context): void {
  test('consume() gets work that was published before and after it', async () => {
    const got = new Arrivals<Message>()
    await get().publish(`${work}.cpu`, 1)
    await get().consume({ filter: `${work}.*`, name: 'all' }, async (message) => got.add(message))
    await get().publish(`${work}.copy`, 2)
    assert.deepEqual(dataOf(await got.reach(2)), [1, 2])
  })

  test('consume() gives each message to one of the consumers of a name', async () => {
    const got = new Arrivals<Message>()
    const options = { filter: `${work}.cpu`, name: 'cpu' }
    await get().consume(options, async (message) => got.add(message))
    await get().consume(options, async (message) => got.add(message))
    for (let i = 0; i < 20; i++) await get().publish(`${work}.cpu`, i)
    await get().publish(`${work}.cpu`, 'last')
    const seen = dataOf(await got.reach(21))
    assert.equal(new Set(seen).size, 21)
  })

  test('consume() gives a message again when the handler throws', async () => {
    const got = new Arrivals<Message>()
    const done = Promise.withResolvers<void>()
    await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async (message) => {
      got.add(message)
      if (got.all.length === 1) throw new Error('handler of a test')
      done.resolve()
    })
    await get().publish(`${work}.cpu`, 'again', { id: 'ring-1' })
    await done.promise
    assert.deepEqual(got.all.map(({ data, id }) => [data, id]), [
      ['again', 'ring-1'],
      ['again', 'ring-1'],
    ])
  })

  test('consume() gives a message again when it is not acknowledged in time', async () => {
    const got = new Arrivals<Message>()
    const release = Promise.withResolvers<void>()
    const options = { filter: `${work}.cpu`, name: 'cpu', concurrency: 2, ackWaitMs: 200 }
    await get().consume(options, async (message) => {
      got.add(message)
      await release.promise
    })
    await get().publish(`${work}.cpu`, 'slow')
    assert.deepEqual(dataOf(await got.reach(2)), ['slow', 'slow'])
    release.resolve()
  })

  test('consume() runs no more handlers than its concurrency', async () => {
    let running = 0
    let most = 0
    const got = new Arrivals<Message>()
    const options = { filter: `${work}.cpu`, name: 'cpu', concurrency: 3 }
    const both = Promise.withResolvers<void>()
    await get().consume(options, async (message) => {
      most = Math.max(most, ++running)
      if (running === 3) both.resolve()
      await both.promise
      running--
      got.add(message)
    })
    for (let i = 0; i < 9; i++) await get().publish(`${work}.cpu`, i)
    await got.reach(9)
    assert.equal(most, 3)
  })

  test('publish() drops a second message with the same id', async () => {
    const got = new Arrivals<Message>()
    await get().publish(`${work}.cpu`, 'first', { id: 'a:1:0' })
    await get().publish(`${work}.cpu`, 'second', { id: 'a:1:0' })
    await get().publish(`${work}.cpu`, 'third', { id: 'a:2:0' })
    await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async (m) => got.add(m))
    assert.deepEqual(dataOf(await got.reach(2)), ['first', 'third'])
  })

  test('consume() refuses a consumer that would compete for the same messages', async () => {
    await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async () => {})
    const rival = get().consume({ filter: `${work}.*`, name: 'all' }, async () => {})
    await assert.rejects(rival, TypeError)
  })

  test('backlog() counts the messages that wait, by filter', async () => {
    await get().publish(`${work}.cpu`, 1)
    await get().publish(`${work}.cpu`, 2)
    await get().publish(`${work}.copy`, 3)
    assert.equal(await get().backlog(`${work}.cpu`), 2)
    assert.equal(await get().backlog('jobs.dispatch.>'), 3)
    assert.equal(await get().backlog('jobs.dispatch.elsewhere.*'), 0)
  })

  test('close() of a consumer leaves its waiting messages to the next one', async () => {
    const got = new Arrivals<Message>()
    const first = await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async () => {})
    await first.close()
    await get().publish(`${work}.cpu`, 'kept')
    await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async (m) => got.add(m))
    assert.deepEqual(dataOf(await got.reach(1)), ['kept'])
  })
}

function describeRequests({ get }: Context): void {
  test('request() resolves to the answer', async () => {
    await get().respond('kernel.double', async (data) => ({ twice: Number(data) * 2 }))
    assert.deepEqual(await get().request('kernel.double', 21, { timeoutMs }), { twice: 42 })
  })

  test('request() carries null and nested data both ways', async () => {
    await get().respond('kernel.echo', async (data) => data)
    for (const data of [null, [], { a: [{ b: null }] }, 'ö', 0.5] satisfies Json[]) {
      assert.deepEqual(await get().request('kernel.echo', data, { timeoutMs }), data)
    }
  })

  test('request() throws the WebEncodeError of the responder with all its facts', async () => {
    await get().respond('kernel.fail', () => {
      const facts = { retryAfterSeconds: 7, path: 'body.a', next: 'pause' } as const
      return Promise.reject(new WebEncodeError('WE-SYS-004', 'Too much waits', facts))
    })
    await assert.rejects(get().request('kernel.fail', 1, { timeoutMs }), {
      name: 'WebEncodeError',
      code: 'WE-SYS-004',
      message: 'Too much waits',
      retryAfterSeconds: 7,
      path: 'body.a',
      next: 'pause',
    })
  })

  test('request() throws WE-SYS-001 when the responder failed in another way', async () => {
    await get().respond('kernel.fail', () => {
      throw new Error('no code here')
    })
    await assert.rejects(get().request('kernel.fail', 1, { timeoutMs }), {
      code: 'WE-SYS-001',
      message: 'no code here',
    })
  })

  test('request() throws WE-SYS-003 when nobody listens', async () => {
    await assert.rejects(
      get().request('kernel.nobody', 1, { timeoutMs: 200 }),
      isCode('WE-SYS-003'),
    )
  })

  test('request() throws WE-SYS-003 when nobody answers in time', async () => {
    const release = Promise.withResolvers<Json>()
    await get().respond('kernel.slow', () => release.promise)
    await assert.rejects(
      get().request('kernel.slow', 1, { timeoutMs: 50 }),
      isCode('WE-SYS-003'),
    )
    release.resolve(1)
  })

  test('respond() shares the requests between the responders of a subject', async () => {
    const answered = new Set<Json>()
    await get().respond('kernel.who', async () => 'one')
    await get().respond('kernel.who', async () => 'two')
    for (let i = 0; i < 100 && answered.size < 2; i++) {
      answered.add(await get().request('kernel.who', null, { timeoutMs }))
    }
    assert.deepEqual([...answered].toSorted(), ['one', 'two'])
  })

  test('close() of a responder ends it', async () => {
    const responder = await get().respond('kernel.who', async () => 'one')
    await responder.close()
    const asked = get().request('kernel.who', null, { timeoutMs: 200 })
    await assert.rejects(asked, isCode('WE-SYS-003'))
  })
}

function describeClose({ get }: Context): void {
  test('close() waits for the handlers that run', async () => {
    const started = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    let finished = false
    await get().consume({ filter: `${work}.cpu`, name: 'cpu' }, async () => {
      started.resolve()
      await release.promise
      finished = true
    })
    await get().publish(`${work}.cpu`, 1)
    await started.promise
    const closing = get().close().then(() => finished)
    release.resolve()
    assert.equal(await closing, true)
  })

  test('close() makes every later call fail with WE-SYS-003', async () => {
    await get().close()
    await assert.rejects(get().publish('live.a', 1), isCode('WE-SYS-003'))
    await assert.rejects(get().request('live.a', 1, { timeoutMs }), isCode('WE-SYS-003'))
    await assert.rejects(get().subscribe('live.a', () => {}), isCode('WE-SYS-003'))
  })
}
