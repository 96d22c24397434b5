import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createMemoryBus } from '../bus/memory.ts'
import { jobEventsSubject } from '../bus/subjects.ts'
import { systemClock } from '../clock.ts'
import { type Database, type Reader, sql } from '../db/database.ts'
import { silentLog } from '../log.ts'
import type { TextSocket } from '../runtime/runtime.ts'
import type { SharedText } from '../runtime/shared-text.ts'
import { insertTestJob, openTestDatabase } from './fixture.ts'
import { createHandClock } from './hand-clock.fixture.ts'
import { createLiveHub, type LiveHub } from './ws.ts'

let db: Database
before(async () => {
  db = await openTestDatabase(silentLog)
})
beforeEach(async () => {
  await db.query(sql`DELETE FROM jobs`)
  await insertTestJob(db, 'j1', { status: 'processing' })
})
after(() => db.close())

interface Update {
  readonly type: string
  readonly topic?: string
  readonly version: number
  readonly data: { readonly progress_pct: number; readonly jobs: Record<string, number> }
  readonly code?: string
}

class FakeSocket implements TextSocket {
  readonly sent: Update[] = []
  bufferedAmount = 0
  closed: number | undefined
  send({ text }: SharedText): void {
    this.sent.push(JSON.parse(text) as Update)
  }
  close(code: number): void {
    this.closed = code
  }
}

/** Counts the reads and tells when all have ended. */
function createCountingReader(): Reader & { reads: number; idle(): Promise<void> } {
  let running = 0
  return {
    reads: 0,
    async query<Row extends object>(statement: Parameters<Reader['query']>[0]): Promise<Row[]> {
      this.reads++
      running++
      try {
        return await db.query<Row>(statement)
      } finally {
        running--
      }
    },
    async idle() {
      // A topic's read is one or two queries side by side; what follows them runs before the next turn.
      do await setImmediate()
      while (running > 0)
      await setImmediate()
    },
  }
}

function createTrial(options: { maxConnections?: number; maxTopics?: number } = {}) {
  const clock = createHandClock()
  const reader = createCountingReader()
  const bus = createMemoryBus({ clock: systemClock, log: silentLog })
  const hub = createLiveHub({ bus, db: reader, clock, log: silentLog, ...options })
  const connect = (isValid = () => Promise.resolve(true), key = 'somebody') => {
    const socket = new FakeSocket()
    const connection = hub.connect(socket, { key, userId: key, role: 'viewer', isValid })
    const tell = (message: unknown) => connection?.receive(JSON.stringify(message))
    const subscribe = (topic: string, since?: number) => tell({ type: 'subscribe', topic, since })
    return { socket, connection, tell, subscribe }
  }
  const announce = async () => {
    await bus.publish(jobEventsSubject('j1'), { topic: 'job.started' })
    await setImmediate()
  }
  const pass = async (ms: number) => {
    clock.pass(ms)
    await reader.idle()
  }
  return { clock, reader, bus, hub, connect, announce, pass }
}

const setProgress = (percent: number) =>
  db.query(sql`UPDATE jobs SET progress_pct = ${percent} WHERE id = 'j1'`)
const progressOf = (updates: readonly Update[]) => updates.map(({ data }) => data.progress_pct)
const end = async (hub: LiveHub) => await hub.close()

describe('createLiveHub()', () => {
  test('sends the newest state on subscribing, then what changes', async () => {
    const { hub, connect, reader, announce, pass } = createTrial()
    const { socket, subscribe } = connect()
    subscribe('job:j1:updates')
    await reader.idle()
    const [first] = socket.sent
    assert.equal(first?.type, 'update')
    assert.equal(first?.topic, 'job:j1:updates')
    assert.equal(Reflect.get(first?.data ?? {}, 'id'), 'j1')
    assert.deepEqual(Reflect.get(first?.data ?? {}, 'tasks'), [])
    await setProgress(10)
    await announce()
    await pass(250)
    assert.deepEqual(progressOf(socket.sent), [0, 10])
    assert.ok((socket.sent[1]?.version ?? 0) > (first?.version ?? 0))
    await end(hub)
  })

  test('coalesces announcements into four updates a second at most', async () => {
    const { hub, connect, reader, announce, pass } = createTrial()
    const { subscribe, socket } = connect()
    subscribe('job:j1:updates')
    await reader.idle()
    const before = reader.reads
    for (let i = 1; i <= 10; i++) {
      await setProgress(i)
      await announce()
    }
    await pass(249)
    assert.equal(reader.reads, before)
    await pass(1)
    assert.deepEqual(progressOf(socket.sent), [0, 10])
    assert.equal(reader.reads, before + 2)
    await end(hub)
  })

  test('sends nothing when nothing changed', async () => {
    const { hub, connect, reader, announce, pass } = createTrial()
    const { subscribe, socket } = connect()
    subscribe('job:j1:updates')
    await reader.idle()
    await announce()
    await pass(250)
    assert.equal(socket.sent.length, 1)
    await end(hub)
  })

  test('finds progress that nobody announced within two seconds', async () => {
    const { hub, connect, reader, pass } = createTrial()
    const { subscribe, socket } = connect()
    subscribe('job:j1:updates')
    await reader.idle()
    await setProgress(33)
    await pass(2000)
    assert.deepEqual(progressOf(socket.sent), [0, 33])
    await end(hub)
  })

  test('reads a topic once for all who watch it, and not at all when nobody does', async () => {
    const { hub, connect, reader, pass } = createTrial()
    const watchers = Array.from({ length: 50 }, () => connect())
    for (const { subscribe } of watchers) subscribe('dashboard:stats')
    await reader.idle()
    assert.equal(reader.reads, 1)
    assert.ok(watchers.every(({ socket }) => socket.sent[0]?.data.jobs['processing'] === 1))
    for (const { tell, connection } of watchers.slice(1)) {
      tell({ type: 'unsubscribe', topic: 'dashboard:stats' })
      connection?.close()
    }
    await pass(2000)
    assert.equal(reader.reads, 2)
    watchers[0]?.connection?.close()
    await pass(2000)
    assert.equal(reader.reads, 2)
    assert.equal(hub.connectionCount, 0)
    await end(hub)
  })

  test('does not repeat the version that a client has', async () => {
    const { hub, connect, reader } = createTrial()
    const first = connect()
    first.subscribe('job:j1:updates')
    await reader.idle()
    const version = first.socket.sent[0]?.version ?? 0
    const current = connect()
    current.subscribe('job:j1:updates', version)
    const behind = connect()
    behind.subscribe('job:j1:updates', version - 1)
    await reader.idle()
    assert.equal(current.socket.sent.length, 0)
    assert.equal(behind.socket.sent[0]?.version, version)
    await end(hub)
  })

  test('sends a slow client the newest state only, once it can take it', async () => {
    const { hub, connect, reader, announce, pass } = createTrial()
    const slow = connect()
    const quick = connect()
    slow.subscribe('job:j1:updates')
    quick.subscribe('job:j1:updates')
    await reader.idle()
    slow.socket.bufferedAmount = 300 * 1024
    for (let i = 1; i <= 5; i++) {
      await setProgress(i)
      await announce()
      await pass(250)
    }
    assert.deepEqual(progressOf(quick.socket.sent), [0, 1, 2, 3, 4, 5])
    assert.deepEqual(progressOf(slow.socket.sent), [0])
    slow.socket.bufferedAmount = 0
    await pass(250)
    assert.deepEqual(progressOf(slow.socket.sent), [0, 5])
    await end(hub)
  })

  test('gives a slow client its topics by turns', async () => {
    const { hub, connect, reader, bus, pass } = createTrial()
    await insertTestJob(db, 'j2', { status: 'processing' })
    const { socket, subscribe } = connect()
    subscribe('job:j1:updates')
    subscribe('job:j2:updates')
    await reader.idle()
    await pass(250)
    // Room for one message at a time.
    const send = socket.send.bind(socket)
    socket.send = (message) => {
      send(message)
      socket.bufferedAmount = 300 * 1024
    }
    socket.sent.length = 0
    for (let i = 1; i <= 4; i++) {
      await db.query(sql`UPDATE jobs SET progress_pct = ${i}`)
      for (const id of ['j1', 'j2']) await bus.publish(jobEventsSubject(id), {})
      await setImmediate()
      socket.bufferedAmount = 0
      await pass(250)
      await reader.idle()
    }
    const topics = new Set(socket.sent.map(({ topic }) => topic))
    assert.deepEqual([...topics].sort(), ['job:j1:updates', 'job:j2:updates'])
    await end(hub)
  })

  test('says when the thing is not there, or no longer', async () => {
    const { hub, connect, reader, pass } = createTrial()
    const { subscribe, socket } = connect()
    subscribe('job:nope:updates')
    await reader.idle()
    assert.deepEqual([socket.sent[0]?.type, socket.sent[0]?.code], ['error', 'WE-JOB-004'])
    subscribe('job:j1:updates')
    await reader.idle()
    await db.query(sql`DELETE FROM jobs WHERE id = 'j1'`)
    await pass(2000)
    assert.equal(socket.sent.at(-1)?.code, 'WE-JOB-004')
    await end(hub)
  })

  test('answers nonsense with errors, and stays', async () => {
    const { hub, connect } = createTrial()
    const { connection, tell, socket } = connect()
    const nonsense = [
      '',
      '{',
      'null',
      '[]',
      '{"type":"shout"}',
      '{"type":"subscribe"}',
      new ArrayBuffer(4),
      'x'.repeat(5000),
    ]
    for (const message of nonsense) connection?.receive(message)
    assert.equal(socket.sent.length, nonsense.length)
    assert.ok(socket.sent.every(({ type, code }) => type === 'error' && code === 'WE-JOB-001'))
    tell({ type: 'subscribe', topic: 'users:all' })
    assert.equal(socket.sent.at(-1)?.topic, 'users:all')
    tell({ type: 'ping' })
    assert.equal(socket.sent.at(-1)?.type, 'pong')
    await end(hub)
  })

  test('bounds the topics of a connection and the connections', async () => {
    const { hub, connect } = createTrial({ maxConnections: 1 })
    const { subscribe, socket } = connect()
    for (let i = 0; i < 65; i++) subscribe(`job:many-${i}:updates`)
    assert.deepEqual(socket.sent.map(({ code }) => code), ['WE-SYS-005'])
    assert.equal(hub.lacksRoom('anybody'), 'all')
    const second = connect()
    assert.equal(second.connection, undefined)
    assert.equal(second.socket.closed, 1013)
    await end(hub)
  })

  test('bounds the connections of one user, and keeps room for the others', async () => {
    const { hub, connect } = createTrial({ maxConnections: 16 })
    const mine = Array.from({ length: 14 }, () => connect())
    assert.deepEqual([hub.lacksRoom('somebody'), hub.lacksRoom('other')], ['user', undefined])
    assert.equal(connect().socket.closed, 1013)
    assert.ok(connect(undefined, 'other').connection)
    mine[0]?.connection?.close()
    assert.equal(hub.lacksRoom('somebody'), undefined)
    assert.ok(connect().connection)
    await end(hub)
  })

  test('bounds the topics of all connections together', async () => {
    const { hub, connect, reader } = createTrial({ maxTopics: 2 })
    const first = connect()
    for (const topic of ['job:j1:updates', 'dashboard:stats', 'job:j2:updates']) {
      first.subscribe(topic)
    }
    assert.deepEqual(first.socket.sent.map(({ code, topic }) => [code, topic]), [
      ['WE-SYS-004', 'job:j2:updates'],
    ])
    const second = connect()
    second.subscribe('job:j1:updates')
    await reader.idle()
    assert.equal(second.socket.sent[0]?.topic, 'job:j1:updates')
    await end(hub)
  })

  test('reads a thousand jobs with few queries', async () => {
    const { hub, connect, reader, bus, pass } = createTrial()
    const ids = Array.from({ length: 1000 }, (_, i) => `many-${i}`)
    await db.query(sql`
      INSERT INTO jobs (id, user_id, source_type, source_url, profile_id, profile, status, phase)
      SELECT id, 'u', 'url', 'https://example.com/a.mp4', 'p', '{}', 'processing', 'encoding'
      FROM unnest(${ids}::text[]) AS id`)
    const watchers = Array.from({ length: 20 }, () => connect())
    ids.forEach((id, i) => watchers[i % 20]?.subscribe(`job:${id}:updates`))
    await reader.idle()
    await pass(1000)
    const before = reader.reads
    await db.query(sql`UPDATE jobs SET progress_pct = 50`)
    for (const id of ids) await bus.publish(jobEventsSubject(id), {})
    for (let i = 0; i < 5; i++) await pass(50)
    const sent = watchers.flatMap(({ socket }) => progressOf(socket.sent))
    assert.equal(sent.filter((progress) => progress === 50).length, 1000)
    assert.ok(reader.reads - before <= 12, `${reader.reads - before} queries`)
    await end(hub)
  })

  test('closes a client that asks without reading the answers', async () => {
    const { hub, connect } = createTrial()
    const { socket, tell } = connect()
    tell({ type: 'ping' })
    socket.bufferedAmount = 300 * 1024
    tell({ type: 'ping' })
    assert.equal(socket.closed, 1008)
    assert.equal(hub.connectionCount, 0)
    await end(hub)
  })

  test('hears announcements once the bus is there', async () => {
    const { bus, clock, reader } = createTrial()
    let isAway = true
    const subscribe: typeof bus.subscribe = (...args) =>
      isAway ? Promise.reject(new Error('away')) : bus.subscribe(...args)
    const late = { ...bus, subscribe, publish: bus.publish.bind(bus) }
    const hub = createLiveHub({ bus: late, db: reader, clock, log: silentLog })
    const socket = new FakeSocket()
    const isValid = () => Promise.resolve(true)
    const permission = { key: '', userId: 'u', role: 'viewer' as const, isValid }
    hub.connect(socket, permission)?.receive('{"type":"subscribe","topic":"job:j1:updates"}')
    await reader.idle()
    isAway = false
    clock.pass(2000)
    await reader.idle()
    await setProgress(10)
    await bus.publish(jobEventsSubject('j1'), {})
    await setImmediate()
    clock.pass(250)
    await reader.idle()
    assert.deepEqual(progressOf(socket.sent), [0, 10])
    await end(hub)
  })

  test('closes a connection whose caller may no longer watch', async () => {
    const { hub, connect, pass } = createTrial()
    let isAllowed: () => Promise<boolean> = () => Promise.reject(new Error('the database is away'))
    const { socket } = connect(() => isAllowed())
    await pass(60_000)
    assert.equal(socket.closed, undefined)
    isAllowed = () => Promise.resolve(false)
    await pass(60_000)
    assert.equal(socket.closed, 4401)
    assert.equal(hub.connectionCount, 0)
    await end(hub)
  })

  test('close() tells every client that the server stops', async () => {
    const { hub, connect, reader, pass } = createTrial()
    const { socket, subscribe } = connect()
    subscribe('job:j1:updates')
    await reader.idle()
    await hub.close()
    assert.equal(socket.closed, 1001)
    const { reads } = reader
    await pass(10_000)
    assert.equal(reader.reads, reads)
  })
})
