import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { Hono } from 'hono'
import type { Runtime, RuntimeEnv, Server } from './runtime.ts'
import { createRuntime } from './serve.ts'
import { SharedText } from './shared-text.ts'

async function withServer(
  appOf: (runtime: Runtime) => Hono<{ Bindings: RuntimeEnv }>,
  work: (url: string, server: Server) => Promise<void>,
  // Longer than any machine stalls: a test that waits for its end says so.
  graceMs = 60_000,
): Promise<void> {
  const runtime = await createRuntime()
  const server = await runtime.serve({ app: appOf(runtime), port: 0, host: '127.0.0.1', graceMs })
  try {
    await work(`http://127.0.0.1:${server.port}`, server)
  } finally {
    await server.close()
  }
}

/** Node can since 24.9. Deno refuses such requests, with a status that no client takes for an answer. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const hasUpgradeChoice = !('Deno' in globalThis) && (major > 24 || (major === 24 && minor >= 9))

/** A connection that has sent `text`, and what it gets until its end. */
async function rawSocket(port: number, text: string, options: { allowHalfOpen?: boolean } = {}) {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  let answer = ''
  socket.on('data', (chunk) => answer += chunk.toString())
  const ended = new Promise<string>((resolve) => {
    socket.on('error', () => {})
    socket.once('end', () => resolve(answer)).once('close', () => resolve(answer))
  })
  await new Promise<void>((resolve) => socket.write(text, () => resolve()))
  return { socket, ended }
}

const handshakeOf = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

const newApp = () => new Hono<{ Bindings: RuntimeEnv }>()

describe('serve()', () => {
  test('answers requests and tells the app who asks', async () => {
    await withServer(
      () => newApp().get('/', (c) => c.text(c.env.clientAddress ?? '')),
      async (url) => {
        assert.equal(await (await fetch(url)).text(), '127.0.0.1')
      },
    )
  })

  test('fails when the port is taken', async () => {
    await withServer(newApp, async (_, { port }) => {
      const other = await createRuntime()
      await assert.rejects(async () =>
        await other.serve({ app: newApp(), port, host: '127.0.0.1' })
      )
    })
  })

  test('upgrades to WebSocket, both ways', async () => {
    const echo = ({ upgradeWebSocket }: Runtime) =>
      newApp().get(
        '/echo',
        upgradeWebSocket(() => (socket) => ({
          receive: (message) => socket.send(new SharedText(`you said ${String(message)}`)),
          close() {},
        })),
      )
    await withServer(echo, async (url) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`)
      const answer = new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => resolve(data))
      )
      socket.addEventListener('open', () => socket.send('hello'))
      assert.equal(await answer, 'you said hello')
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
      socket.close()
      await closed
    })
  })

  test('drops a client that is silent, and not one that waits for the app', {
    skip: 'Deno' in globalThis && 'Deno drops nobody',
  }, async () => {
    const asked = Promise.withResolvers<void>()
    const dropped = Promise.withResolvers<void>()
    const app = newApp().post('/', async (c) => {
      const text = await c.req.text()
      asked.resolve()
      await dropped.promise
      return c.text(text)
    })
    const runtime = await createRuntime()
    const server = await runtime.serve({ app, port: 0, host: '127.0.0.1', idleMs: 1000 })
    const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
    try {
      const patient = connect(server.port, '127.0.0.1')
      const closed = once(patient, 'close')
      let answer = ''
      patient.on('data', (bytes) => answer += bytes.toString())
      patient.write(`${post}whole`)
      await asked.promise
      // It begins to be silent when the other has been so for a while.
      const silent = connect(server.port, '127.0.0.1')
      silent.on('error', () => {})
      silent.once('close', () => dropped.resolve())
      silent.write(`${post}ha`)
      await closed
      assert.match(answer, /^HTTP\/1.1 200 OK[^]*whole$/)
    } finally {
      await server.close()
    }
  })

  test('drops connections above the limit', {
    skip: 'Deno' in globalThis && 'Deno sets no limit',
  }, async () => {
    const runtime = await createRuntime()
    const app = newApp().get('/', (c) => c.text('hello'))
    const server = await runtime.serve({ app, port: 0, host: '127.0.0.1', maxConnections: 1 })
    const first = connect(server.port, '127.0.0.1')
    first.on('error', () => {})
    await new Promise((resolve) => {
      first.once('data', resolve)
      first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    })
    const second = connect(server.port, '127.0.0.1')
    second.on('error', () => {})
    await new Promise((resolve) => second.once('close', resolve))
    first.destroy()
    await server.close()
  })

  test('close() lets a running request finish and refuses new ones', async () => {
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const app = newApp().get('/slow', async (c) => {
      arrive()
      await finished
      return c.text('done')
    })
    await withServer(() => app, async (url, server) => {
      const running = fetch(`${url}/slow`)
      await arrived
      const closing = server.close()
      finish()
      assert.equal(await (await running).text(), 'done')
      await closing
      await assert.rejects(fetch(url))
    })
  })

  test('close() drops idle connections at once', async () => {
    await withServer(() => newApp().get('/', (c) => c.text('hello')), async (_, server) => {
      const socket = connect(server.port, '127.0.0.1')
      socket.on('error', () => {})
      const ended = new Promise((resolve) => socket.once('close', resolve))
      await new Promise((resolve) => {
        socket.once('data', resolve)
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      })
      const startMs = performance.now()
      await Promise.all([server.close(), ended])
      assert.ok(performance.now() - startMs < 30_000, 'it waited for the grace time')
    })
  })

  test('close() does not wait for requests whose client sends no more of them', {
    skip: 'Deno' in globalThis && 'Deno gives them the grace time',
  }, async () => {
    const arrived = Promise.withResolvers<void>()
    const app = newApp().post('/', async (c) => {
      arrived.resolve()
      return c.text(await c.req.text())
    })
    await withServer(() => app, async (_, server) => {
      const head = await rawSocket(server.port, 'GET / HTTP/1.1\r\nHo')
      const body = await rawSocket(
        server.port,
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc',
      )
      await arrived.promise
      const startMs = performance.now()
      await Promise.all([server.close(), head.ended, body.ended])
      assert.ok(performance.now() - startMs < 30_000, 'it waited for the grace time')
    }, 60_000)
  })

  test('close() waits for a body that is still coming', async () => {
    const arrived = Promise.withResolvers<void>()
    const app = newApp().post('/', async (c) => {
      arrived.resolve()
      return c.text(await c.req.text())
    })
    await withServer(() => app, async (_, server) => {
      const { socket, ended } = await rawSocket(
        server.port,
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc',
      )
      await arrived.promise
      const closing = server.close()
      socket.write('def')
      assert.match(await ended, /^HTTP\/1\.1 200 [^]*\r\n\r\n(6\r\n)?abcdef/)
      await closing
    })
  })

  test('answers a request that offers another protocol as if it did not', {
    skip: !hasUpgradeChoice && 'this runtime cannot choose what it upgrades',
  }, async () => {
    const app = newApp().post('/', async (c) => c.text(`got ${await c.req.text()}`))
    await withServer(() => app, async (_, server) => {
      const { ended } = await rawSocket(
        server.port,
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc',
      )
      assert.match(await ended, /^HTTP\/1\.1 200 [^]*got abc/)
    })
  })

  test('refuses a handshake where there is no WebSocket, and keeps nothing of it', {
    skip: 'Deno' in globalThis && 'Deno answers it as if it were none',
  }, async () => {
    const app = newApp().get('/', (c) => c.text('hello')).get('/no', (c) => c.text('no', 403))
    const sockets: Socket[] = []
    await withServer(() => app, async (_, server) => {
      const answers = ['/', '/no'].map(async (path) => {
        const half = { allowHalfOpen: true }
        const { socket, ended } = await rawSocket(server.port, handshakeOf(path), half)
        sockets.push(socket)
        return (await ended).slice(0, 12)
      })
      assert.deepEqual(await Promise.all(answers), ['HTTP/1.1 400', 'HTTP/1.1 403'])
    }, 60_000)
    for (const socket of sockets) socket.destroy()
  })

  test('drops a client whose body does not come in time, and no other', {
    skip: 'Deno' in globalThis && 'Deno has no such timer',
  }, async () => {
    const reads = Promise.withResolvers<unknown>()
    const app = newApp().post('/', async (c) => {
      const forgive = c.env.dropSlowBody?.(1000)
      try {
        return c.text(await c.req.text())
      } catch (failure) {
        reads.resolve(failure)
        throw failure
      } finally {
        forgive?.()
      }
    }).onError((_, c) => c.text('late', 500))
    await withServer(() => app, async (url, server) => {
      const quick = await fetch(url, { method: 'POST', body: 'all' })
      assert.equal(await quick.text(), 'all')
      const { ended } = await rawSocket(
        server.port,
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc',
      )
      assert.match(await ended, /^HTTP\/1\.1 408 /)
      assert.ok(await reads.promise instanceof Error)
    })
  })

  test('close() ends what does not finish in time', async () => {
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const app = newApp().get('/stuck', () => {
      arrive()
      return new Promise<Response>(() => {})
    })
    await withServer(() => app, async (url, server) => {
      const running = fetch(`${url}/stuck`)
      await arrived
      await Promise.all([assert.rejects(running), server.close()])
    }, 100)
  })

  test('close() ends WebSockets that stay', async () => {
    const silent = ({ upgradeWebSocket }: Runtime) =>
      newApp().get('/ws', upgradeWebSocket(() => () => ({ receive() {}, close() {} })))
    await withServer(silent, async (url, server) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
      await new Promise((resolve) => socket.addEventListener('open', resolve))
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
      await Promise.all([server.close(), closed])
    }, 300)
  })
})
