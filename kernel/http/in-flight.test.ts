import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Hono } from 'hono'
import { systemClock } from '../clock.ts'
import { silentLog } from '../log.ts'
import type { Server } from '../runtime/runtime.ts'
import { createRuntime } from '../runtime/serve.ts'
import type { AppEnv } from './deps.ts'
import { createGate, limitInFlight } from './in-flight.ts'
import type { Rule } from './permissions.ts'
import { answerFailure } from './problem.ts'

/** An app whose requests wait for `finish`, with four places for one client. */
function createTrial() {
  const waiting: (() => void)[] = []
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = []
  /** Resolve when the next download begins, and when it is cancelled. */
  let begun = Promise.withResolvers<void>()
  let cancelled = Promise.withResolvers<void>()
  const rules: Record<string, Partial<Rule>> = {
    '/upload': { isStreamed: true },
    '/file': { load: 'download' },
    '/health': { load: 'vital' },
  }
  const app = new Hono<AppEnv>()
  app.use(async (c, next) => {
    c.set('clientIp', c.req.header('x-client') ?? '')
    c.set('rule', rules[c.req.path] as Rule | undefined)
    await next()
  })
  app.use(limitInFlight({ maxRequests: 16, maxTransfers: 4 }))
  app.onError(answerFailure({ clock: systemClock, log: silentLog }, undefined))
  const wait = () => new Promise<void>((resolve) => waiting.push(resolve))
  app.get('/file', (c) =>
    c.body(
      new ReadableStream<Uint8Array>({
        start(controller) {
          bodies.push(controller)
          begun.resolve()
        },
        cancel: () => cancelled.resolve(),
      }),
    ))
  app.get('/broken', () => {
    throw new Error('broken')
  })
  app.all('*', async (c) => {
    await wait()
    return c.text('done')
  })
  const ask = (path: string, client = 'a') =>
    Promise.resolve(app.request(path, { headers: { 'x-client': client } }))
  const finish = () => waiting.splice(0).forEach((resolve) => resolve())
  const nextDownload = () => {
    begun = Promise.withResolvers<void>()
    cancelled = Promise.withResolvers<void>()
    return { begun: begun.promise, cancelled: cancelled.promise }
  }
  return { app, ask, finish, bodies, nextDownload }
}

async function assertRefused(response: Response, retryAfter: string): Promise<void> {
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), retryAfter)
  assert.match(await response.text(), /WE-SYS-004/)
}

describe('createGate()', () => {
  test('gives its places, a quarter of them to one client, and takes each back once', () => {
    const gate = createGate(4)
    const leave = gate.enter('a') ?? assert.fail()
    assert.equal(gate.enter('a'), undefined)
    for (const client of ['b', 'c', 'd']) assert.ok(gate.enter(client))
    assert.equal(gate.enter('e'), undefined)
    leave()
    leave()
    assert.ok(gate.enter('e'))
    assert.equal(gate.enter('f'), undefined)
  })
})

describe('limitInFlight()', () => {
  test('refuses more requests than there are places, until one is answered', async () => {
    const { ask, finish } = createTrial()
    const running = [1, 2, 3, 4].map(() => ask('/'))
    await assertRefused(await ask('/'), '1')
    const others = ['b', 'c', 'd'].flatMap((client) => [1, 2, 3, 4].map(() => ask('/', client)))
    await assertRefused(await ask('/', 'e'), '1')
    finish()
    const answers = await Promise.all([...running, ...others])
    assert.ok(answers.every(({ status }) => status === 200))
    const next = ask('/', 'e')
    finish()
    assert.equal((await next).status, 200)
  })

  test('counts uploads, requests and probes apart', async () => {
    const { ask, finish } = createTrial()
    const running = [ask('/upload'), ask('/'), ask('/health')]
    await assertRefused(await ask('/upload'), '5')
    finish()
    for (const answer of await Promise.all(running)) assert.equal(answer.status, 200)
  })

  test('gives the place of a request that failed back', async () => {
    const { ask } = createTrial()
    for (let i = 0; i < 20; i++) assert.equal((await ask('/broken')).status, 500)
  })

  test('keeps the place of a download until it is sent, has failed or is given up', async () => {
    const { ask, bodies, nextDownload } = createTrial()
    const first = await ask('/file')
    await assertRefused(await ask('/file'), '5')
    bodies[0]?.enqueue(Buffer.from('all of it'))
    bodies[0]?.close()
    assert.equal(await first.text(), 'all of it')

    const second = await ask('/file')
    bodies[1]?.error(new Error('the disk is gone'))
    await assert.rejects(second.text())

    const { cancelled } = nextDownload()
    const third = await ask('/file')
    await third.body?.cancel()
    await cancelled
    assert.equal((await ask('/file')).status, 200)
  })

  test('keeps no place for the body of a HEAD, which nobody reads', async () => {
    const { app, ask, finish, nextDownload } = createTrial()
    for (let i = 0; i < 3; i++) {
      const { cancelled } = nextDownload()
      const head = await app.request('/file', { method: 'HEAD', headers: { 'x-client': 'a' } })
      assert.equal(head.status, 200)
      await cancelled
    }
    assert.equal((await ask('/file')).status, 200)
    finish()
  })

  test('gives the place of a download back when its client goes away', async () => {
    const { app, nextDownload } = createTrial()
    const server: Server = await (await createRuntime()).serve({
      app,
      port: 0,
      host: '127.0.0.1',
      graceMs: 100,
    })
    const url = `http://127.0.0.1:${server.port}/file`
    // One client has one place, so that each of these needs that of the one before.
    for (let i = 0; i < 3; i++) {
      const { begun, cancelled } = nextDownload()
      const gone = new AbortController()
      const asked = fetch(url, { signal: gone.signal })
      await begun
      gone.abort()
      await assert.rejects(asked)
      await cancelled
    }
    await server.close()
  })
})
