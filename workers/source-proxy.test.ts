/** The source proxy against a real HTTP server: ranges, refusals, broken connections and their end. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { createOutbound } from '../kernel/outbound.ts'
import { createSourceProxy, type SourceProxy } from './source-proxy.ts'

const film = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251))

/** Serves the film with ranges. */
const sendFilm: RequestListener = (request, response) => {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const headers = { 'accept-ranges': 'bytes', etag: '"film"', 'content-type': 'video/mp4' }
  if (match === null) {
    response.writeHead(200, { ...headers, 'content-length': film.length }).end(film)
    return
  }
  const start = Number(match[1])
  const end = match[2] ? Number(match[2]) : film.length - 1
  response.writeHead(206, {
    ...headers,
    'content-length': end - start + 1,
    'content-range': `bytes ${start}-${end}/${film.length}`,
  }).end(film.subarray(start, end + 1))
}

async function openUpstream(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/film.mp4?token=secret`
}

async function openProxy(t: TestContext): Promise<SourceProxy> {
  const { open } = createOutbound({ allowedHosts: ['127.0.0.1'] })
  const proxy = await createSourceProxy({ open, log: silentLog })
  t.after(() => proxy.close())
  return proxy
}

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer())
}

test('add() gives a loopback URL that ends with the name and shows nothing of the source', async (t) => {
  const proxy = await openProxy(t)
  const source = proxy.add('https://example.com/private/x?token=secret', 'my film.mp4')
  assert.match(source.url, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/my%20film\.mp4$/)
})

test('the proxy passes the whole source and its ranges, and counts the bytes', async (t) => {
  const source = (await openProxy(t)).add(await openUpstream(t, sendFilm), 'film.mp4')
  const whole = await fetch(source.url)
  assert.equal(whole.headers.get('content-type'), 'video/mp4')
  assert.deepEqual(await bytesOf(whole), film)
  const part = await fetch(source.url, { headers: { range: 'bytes=100-299' } })
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'bytes 100-299/200000')
  assert.deepEqual(await bytesOf(part), film.subarray(100, 300))
  const rest = await fetch(source.url, { headers: { range: 'bytes=199999-' } })
  assert.equal((await bytesOf(rest)).length, 1)
  assert.equal(source.bytes(), 200_201)
  assert.equal(source.failure(), undefined)
})

test('the proxy answers HEAD without a body', async (t) => {
  const source = (await openProxy(t)).add(await openUpstream(t, sendFilm), 'film.mp4')
  const answer = await fetch(source.url, { method: 'HEAD' })
  assert.equal(answer.headers.get('content-length'), '200000')
  assert.equal(source.bytes(), 0)
})

test('the proxy answers 404 without the token, and 405 to other methods', async (t) => {
  const source = (await openProxy(t)).add(await openUpstream(t, sendFilm), 'film.mp4')
  const { origin } = new URL(source.url)
  assert.equal((await fetch(`${origin}/`)).status, 404)
  assert.equal((await fetch(`${origin}/guess/film.mp4`)).status, 404)
  assert.equal((await fetch(source.url, { method: 'POST', body: 'x' })).status, 405)
})

test('the proxy passes the status of a source that refuses, and remembers why', async (t) => {
  const upstream = await openUpstream(t, (_, response) => void response.writeHead(404).end('gone'))
  const source = (await openProxy(t)).add(upstream, 'film.mp4')
  const answer = await fetch(source.url)
  assert.equal(answer.status, 404)
  assert.equal(await answer.text(), '')
  assert.match(source.failure() ?? '', /404/)
})

test('the proxy answers 403 for a forbidden address and 502 for one that does not answer', async (t) => {
  const { open } = createOutbound()
  const guarded = await createSourceProxy({ open, log: silentLog })
  t.after(() => guarded.close())
  const forbidden = guarded.add('http://127.0.0.1:9/film.mp4', 'film.mp4')
  assert.equal((await fetch(forbidden.url)).status, 403)
  assert.match(forbidden.failure() ?? '', /not a public address/)
  const silent = await createSourceProxy({
    log: silentLog,
    open: () => Promise.reject(new WebEncodeError('WE-JOB-002', 'no answer', { next: 'retry' })),
  })
  t.after(() => silent.close())
  assert.equal((await fetch(silent.add('http://a/', 'a.mp4').url)).status, 502)
})

/** Sends at most `limit` bytes of what is asked, then breaks the connection; `breaks` times. */
function breaking(limit: number, breaks: number, etag = '"film"'): RequestListener {
  return (request, response) => {
    if (breaks-- <= 0) {
      response.setHeader('x-last', '1')
      return sendFilm(request, response)
    }
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const headers = {
      'accept-ranges': 'bytes',
      etag,
      'content-length': film.length - start,
      'content-range': `bytes ${start}-${film.length - 1}/${film.length}`,
    }
    response.writeHead(request.headers.range ? 206 : 200, headers)
    response.write(film.subarray(start, start + limit), () => response.destroy())
  }
}

test('a connection that breaks is continued where it broke', async (t) => {
  const source = (await openProxy(t)).add(await openUpstream(t, breaking(30_000, 4)), 'film.mp4')
  assert.deepEqual(await bytesOf(await fetch(source.url)), film)
  assert.equal(source.failure(), undefined)
})

test('a connection that breaks is not continued with another file', async (t) => {
  const upstream = await openUpstream(t, breaking(30_000, 1, '"older film"'))
  const source = (await openProxy(t)).add(upstream, 'film.mp4')
  await assert.rejects(async () => bytesOf(await fetch(source.url)))
  assert.ok(source.failure())
})

/** A proxy that lets users' URLs reach public addresses only, and waits for nothing. */
async function openGuarded(t: TestContext): Promise<SourceProxy> {
  const clock: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(0, signal) }
  const { open } = createOutbound()
  const proxy = await createSourceProxy({ open, log: silentLog, clock })
  t.after(() => proxy.close())
  return proxy
}

const noRenewal = { renew: () => Promise.reject(new Error('not asked')) }

test('a stored source may have a private address, and leads nowhere else', async (t) => {
  const proxy = await openGuarded(t)
  const upstream = await openUpstream(t, sendFilm)
  assert.equal((await fetch(proxy.add(upstream, 'film.mp4').url)).status, 403)
  const stored = proxy.add(upstream, 'film.mp4', noRenewal)
  assert.deepEqual(await bytesOf(await fetch(stored.url)), film)
  const astray = await openUpstream(t, (_, response) => {
    response.writeHead(302, { location: upstream }).end()
  })
  const moved = proxy.add(astray, 'film.mp4', { renew: () => Promise.resolve(astray) })
  assert.equal((await fetch(moved.url)).status, 403)
  assert.match(moved.failure() ?? '', /redirects/)
})

test('a stored source whose URL has expired is asked for anew, and then stays with the new one', async (t) => {
  const expired = await openUpstream(t, (_, response) => void response.writeHead(403).end())
  const current = await openUpstream(t, sendFilm)
  let renewals = 0
  const source = (await openGuarded(t)).add(expired, 'film.mp4', {
    renew: () => Promise.resolve(++renewals > 0 ? current : ''),
  })
  for (let i = 0; i < 2; i++) assert.deepEqual(await bytesOf(await fetch(source.url)), film)
  assert.equal(renewals, 1)
  assert.equal(source.failure(), undefined)
})

/** A server that dies while it answers: sends `limit` bytes, and later requests get nothing. */
function dying(limit: number): RequestListener {
  const breakOnce = breaking(limit, 1)
  let isDead = false
  return (request, response) => {
    if (isDead) return void request.destroy()
    isDead = true
    breakOnce(request, response)
  }
}

test('a stored source goes on at the same byte when its server is gone', async (t) => {
  const upstreams = [dying(30_000), dying(50_000), sendFilm]
  const [first = '', ...others] = await Promise.all(upstreams.map((each) => openUpstream(t, each)))
  const nowhere = 'http://127.0.0.1:9/film.mp4'
  const renewed = [nowhere, others[0], nowhere, nowhere, others[1]]
  const source = (await openGuarded(t)).add(first, 'film.mp4', {
    renew: () => Promise.resolve(renewed.shift() ?? nowhere),
  })
  assert.deepEqual(await bytesOf(await fetch(source.url)), film)
  assert.deepEqual(renewed, [])
  assert.equal(source.bytes(), film.length)
  assert.equal(source.failure(), undefined)
})

test('a stored source that cannot be had any more fails with the reason', async (t) => {
  const upstream = await openUpstream(t, (_, response) => void response.writeHead(503).end())
  const source = (await openGuarded(t)).add(upstream, 'film.mp4', {
    renew: () => Promise.reject(new WebEncodeError('WE-WRK-004', 'the lease has ended')),
  })
  assert.equal((await fetch(source.url)).status, 502)
  assert.equal(source.failure(), 'the lease has ended')
})

test('a stored source that is busy or away at first is waited for, at every request', async (t) => {
  let requests = 0
  const upstream = await openUpstream(t, (request, response) => {
    if (++requests % 4 === 0) return sendFilm(request, response)
    if (requests % 4 === 1) return void request.destroy()
    response.writeHead(503).end()
  })
  const source = (await openGuarded(t)).add(upstream, 'film.mp4', {
    renew: () => Promise.resolve(upstream),
  })
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(source.url)
    assert.equal(answer.status, 200)
    assert.deepEqual(await bytesOf(answer), film)
  }
  assert.equal(source.failure(), undefined)
})

test('close() of a source ends its URL and what is being read through it', async (t) => {
  const upstream = await openUpstream(t, (_, response) => {
    response.writeHead(200, { 'content-length': film.length }).write(film.subarray(0, 10))
  })
  const source = (await openProxy(t)).add(upstream, 'film.mp4')
  const reader = (await fetch(source.url)).body?.getReader()
  assert.ok(reader)
  assert.equal((await reader.read()).value?.length, 10)
  source.close()
  await assert.rejects(reader.read())
  assert.equal((await fetch(source.url)).status, 404)
})

test('a reader that goes away ends the request to the source', async (t) => {
  const ended = Promise.withResolvers<void>()
  const upstream = await openUpstream(t, (_, response) => {
    response.on('close', () => ended.resolve())
    response.writeHead(200, { 'content-length': film.length }).write(film.subarray(0, 10))
  })
  const source = (await openProxy(t)).add(upstream, 'film.mp4')
  const reader = (await fetch(source.url)).body?.getReader()
  await reader?.read()
  await reader?.cancel()
  await ended.promise
  assert.equal(source.failure(), undefined)
})
