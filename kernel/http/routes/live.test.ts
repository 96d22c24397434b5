import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { sql } from '../../db/database.ts'
import type { Server } from '../../runtime/runtime.ts'
import { createRuntime } from '../../runtime/serve.ts'
import { createApp } from '../app.ts'
import { as, type Bench, insertTestJob, openBench } from '../fixture.ts'
import { createLiveHub } from '../ws.ts'

let bench: Bench
let server: Server
before(async () => {
  bench = await openBench()
  const runtime = await createRuntime()
  const app = createApp({ ...bench, upgradeWebSocket: runtime.upgradeWebSocket })
  server = await runtime.serve({ app, port: 0, host: '127.0.0.1', graceMs: 500 })
})
beforeEach(async () => {
  await bench.db.query(sql`DELETE FROM jobs`)
  await insertTestJob(bench.db, 'j1', { progress: 7 })
})
after(async () => {
  await bench.live.close()
  await server.close()
  await bench.close()
})

/** The handshake of a WebSocket, by hand: its headers are what is tested. */
function handshake(
  headers: Record<string, string>,
  path = '/v1/ws',
  port = server.port,
): Promise<{ status: string; socket: Socket; head: string }> {
  const socket = connect(port, '127.0.0.1')
  const lines = Object.entries({
    Host: `127.0.0.1:${port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    let head = ''
    socket.on('data', (data) => {
      head += data.toString('latin1')
      const status = head.split(' ')[1] ?? ''
      // A refusal has a body, and then the connection ends.
      if (status === '101' || head.endsWith('}')) resolve({ status, socket, head })
    })
    socket.once('close', () => resolve({ status: head.split(' ')[1] ?? 'closed', socket, head }))
  })
}

async function statusOf(headers: Record<string, string>, path?: string): Promise<string> {
  const { status, socket } = await handshake(headers, path)
  socket.destroy()
  return status
}

/** A session's cookie: browsers cannot send a bearer token with a WebSocket. */
async function signIn(): Promise<string> {
  const body = new URLSearchParams({ username: 'otto', password: 'right' })
  const response = await bench.app.request('/auth/login', { method: 'POST', body })
  return response.headers.get('set-cookie')?.split(';')[0] ?? assert.fail('no cookie')
}

/** The next text frame, unmasked as servers send it. */
function nextMessage(socket: Socket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    socket.on('close', () => reject(new Error('closed')))
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      if (received.length < 4) return
      const isLong = received[1] === 126
      const length = isLong ? received.readUInt16BE(2) : received[1] ?? 0
      const start = isLong ? 4 : 2
      if (received.length < start + length) return
      resolve(JSON.parse(received.subarray(start, start + length).toString()))
    })
  })
}

/** A masked text frame, as clients send it. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = Buffer.from([1, 2, 3, 4])
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked])
}

/** A server with room for so many WebSockets. @param work - asks for one, with a token, and keeps it open; is given the head of the answer */
async function withRoomFor(
  maxConnections: number,
  work: (ask: (token: Parameters<typeof as>[0]) => Promise<string>) => Promise<void>,
): Promise<void> {
  const live = createLiveHub({ ...bench, maxConnections })
  const runtime = await createRuntime()
  const { upgradeWebSocket } = runtime
  const app = createApp({ ...bench, live, upgradeWebSocket })
  const own = await runtime.serve({ app, port: 0, host: '127.0.0.1', graceMs: 500 })
  const sockets: Socket[] = []
  try {
    await work(async (token) => {
      const { socket, head } = await handshake(as(token), '/v1/ws', own.port)
      sockets.push(socket)
      return head
    })
  } finally {
    for (const socket of sockets) socket.destroy()
    await own.close()
    await live.close()
  }
}

describe('GET /v1/ws', () => {
  test('sends updates to a caller with a token', async () => {
    const { status, socket } = await handshake(as('viewer'))
    assert.equal(status, '101')
    const message = nextMessage(socket)
    socket.write(frame('{"type":"subscribe","topic":"job:j1:updates"}'))
    const { type, topic, data } = await message as {
      type: string
      topic: string
      data: { progress_pct: number }
    }
    assert.deepEqual([type, topic, data.progress_pct], ['update', 'job:j1:updates', 7])
    socket.destroy()
  })

  test('opens for a cookie from a page of this server only', async () => {
    const cookie = await signIn()
    const host = `127.0.0.1:${server.port}`
    assert.equal(await statusOf({ cookie, Origin: `http://${host}` }), '101')
    assert.equal(await statusOf({ cookie, Origin: 'https://evil.test' }), '403')
    assert.equal(await statusOf({ cookie, Origin: 'null' }), '403')
    assert.equal(
      await statusOf({ cookie, Origin: `http://${host}`, 'Sec-Fetch-Site': 'cross-site' }),
      '403',
    )
  })

  test('refuses strangers', async () => {
    assert.equal(await statusOf({}), '401')
    assert.equal(await statusOf(as('expired')), '401')
    assert.equal(await statusOf(as('viewer'), '/v1/nothing'), '404')
  })

  test('says why it refuses, and when to try again', async () => {
    const { socket, head } = await handshake({})
    socket.destroy()
    assert.match(head, /^HTTP\/1\.1 401 /)
    assert.match(head, /www-authenticate: Bearer/i)
    assert.match(head, /WE-AUTH-001/)
  })

  test('refuses with Retry-After when there is no room: for anybody 503, for one user 429', async () => {
    await withRoomFor(0, async (ask) => {
      const head = await ask('viewer')
      assert.match(head, /^HTTP\/1\.1 503 /)
      assert.match(head, /retry-after: 10/i)
      assert.match(head, /WE-SYS-004/)
    })
    await withRoomFor(2, async (ask) => {
      for (let i = 0; i < 2; i++) assert.match(await ask('viewer'), /^HTTP\/1\.1 101 /)
      assert.match(await ask('operator'), /WE-SYS-004/)
    })
    await withRoomFor(8, async (ask) => {
      for (let i = 0; i < 7; i++) assert.match(await ask('viewer'), /^HTTP\/1\.1 101 /)
      const head = await ask('viewer')
      assert.match(head, /^HTTP\/1\.1 429 /)
      assert.match(head, /retry-after: 10/i)
      assert.match(head, /WE-SYS-005.*one user may have 7 of them, and has as many/)
      assert.match(await ask('operator'), /^HTTP\/1\.1 101 /)
    })
  })

  test('is no page', async () => {
    const response = await bench.app.request('/v1/ws', { headers: as('viewer') })
    assert.equal(response.status, 426)
    assert.equal(response.headers.get('upgrade'), 'websocket')
  })

  test('survives addresses that are none, and sockets that break', async () => {
    await statusOf(as('viewer'), '//')
    const { socket } = await handshake(as('viewer'))
    socket.resetAndDestroy()
    assert.equal(await statusOf(as('viewer')), '101')
  })

  test(
    'drops a client that sends too much',
    { skip: 'Deno' in globalThis && 'Deno sets no limit' },
    async () => {
      const { socket } = await handshake(as('viewer'))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0])
      socket.write(Buffer.concat([header, Buffer.alloc(0x20000)]))
      await closed
      assert.equal(await statusOf(as('viewer')), '101')
    },
  )
})
