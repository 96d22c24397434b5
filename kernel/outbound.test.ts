import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { WebEncodeError } from './errors.ts'
import { createOutbound } from './outbound.ts'

async function withServer(
  listener: RequestListener,
  work: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as AddressInfo).port, server)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const refused = (message: RegExp, next = 'stop') => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, 'WE-JOB-002')
  assert.equal(error.next, next)
  assert.match(error.message, message)
  return true
}

test('check() refuses schemes, credentials and nonsense', async () => {
  const outbound = createOutbound({ lookup: async () => ['1.1.1.1'] })
  await assert.rejects(outbound.check('not a url'), refused(/not a valid URL/))
  await assert.rejects(outbound.check('ftp://example.com/a'), refused(/must be http or https/))
  await assert.rejects(outbound.check('file:///etc/passwd'), refused(/must be http or https/))
  await assert.rejects(outbound.check('https://u:secret@example.com/'), (error: unknown) => {
    assert.ok(!String(error).includes('secret'))
    return refused(/must not contain/)(error)
  })
})

test('check() refuses private addresses however they are written', async () => {
  const outbound = createOutbound({ lookup: async () => assert.fail('no lookup of a literal') })
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0',
    '169.254.169.254',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fd00::1]',
  ]
  for (const host of hosts) {
    await assert.rejects(
      outbound.check(`http://${host}/a.mp4`),
      refused(/not a public address/),
      host,
    )
  }
})

test('check() refuses a name when one of its answers is private', async () => {
  const outbound = createOutbound({ lookup: async () => ['93.184.215.14', '10.0.0.1'] })
  await assert.rejects(outbound.check('https://cdn.test/a.mp4'), refused(/10\.0\.0\.1/))
})

test('check() accepts what the allow list names', async () => {
  const lookup = async () => ['192.168.1.5']
  await createOutbound({ lookup, allowedHosts: ['192.168.1.0/24'] }).check('http://nas.test/a')
  await createOutbound({ lookup, allowedHosts: ['NAS.test'] }).check('http://nas.test/a')
  await createOutbound({ lookup, allowedHosts: ['*.test'] }).check('http://nas.test/a')
  await createOutbound({ allowedHosts: ['10.0.0.9'] }).check('http://10.0.0.9/a')
  const other = createOutbound({ lookup, allowedHosts: ['*.nas.test'] })
  await assert.rejects(other.check('http://evilnas.test/a'), refused(/not a public address/))
  assert.throws(() => createOutbound({ allowedHosts: ['10.0.0.0/99'] }), TypeError)
})

test('check() calls a failed lookup a thing to retry', async () => {
  const failing = createOutbound({ lookup: async () => Promise.reject(new Error('SERVFAIL')) })
  await assert.rejects(failing.check('https://cdn.test/'), refused(/SERVFAIL/, 'retry'))
  const silent = createOutbound({ lookup: () => new Promise(() => {}), responseTimeoutMs: 20 })
  await assert.rejects(silent.check('https://cdn.test/'), refused(/within 20 ms/, 'retry'))
})

test('open() connects to the checked address, with the name as Host', async () => {
  await withServer((request, response) => response.end(request.headers.host), async (port) => {
    const answers = [['127.0.0.1'], ['8.8.8.8']]
    const outbound = createOutbound({
      allowedHosts: ['127.0.0.0/8'],
      lookup: async () => answers.shift() ?? assert.fail('only one lookup'),
    })
    const answer = await outbound.open(`http://media.test:${port}/a`)
    assert.equal(answer.status, 200)
    assert.equal(await text(answer.body), `media.test:${port}`)
    assert.equal(answers.length, 1)
  })
})

test('open() asks for a byte range without compression', async () => {
  await withServer((request, response) => {
    response.writeHead(206)
    response.end(`${request.headers.range} ${request.headers['accept-encoding']}`)
  }, async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] })
    const both = await outbound.open(`http://127.0.0.1:${port}/`, { range: { start: 5, end: 9 } })
    assert.equal(await text(both.body), 'bytes=5-9 identity')
    const tail = await outbound.open(`http://127.0.0.1:${port}/`, { range: { start: 5 } })
    assert.equal(await text(tail.body), 'bytes=5- identity')
  })
})

test('open() checks every redirect', async () => {
  await withServer((request, response) => {
    const location = request.url === '/inside' ? 'http://10.0.0.1/secret' : '/file'
    if (request.url === '/file') response.end('bytes')
    else response.writeHead(302, { location }).end()
  }, async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] })
    const answer = await outbound.open(`http://127.0.0.1:${port}/start`)
    assert.equal(answer.url, `http://127.0.0.1:${port}/file`)
    assert.equal(await text(answer.body), 'bytes')
    await assert.rejects(
      outbound.open(`http://127.0.0.1:${port}/inside`),
      refused(/10\.0\.0\.1 is not a public address/),
    )
  })
})

test('open() gives up after 5 redirects, or as many as it may follow', async () => {
  let requests = 0
  await withServer((_, response) => {
    requests++
    response.writeHead(301, { location: '/again' }).end()
  }, async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] })
    await assert.rejects(outbound.open(`http://127.0.0.1:${port}/`), refused(/5 redirects/))
    assert.equal(requests, 6)
    const strict = createOutbound({ allowedHosts: ['127.0.0.1'], maxRedirects: 0 })
    await assert.rejects(strict.open(`http://127.0.0.1:${port}/`), refused(/0 redirects/))
    assert.equal(requests, 7)
  })
})

test('open() gives up on a server that never answers, and on a closed port', async () => {
  await withServer(() => {}, async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'], responseTimeoutMs: 30 })
    await assert.rejects(
      outbound.open(`http://127.0.0.1:${port}/`),
      refused(/within 30 ms/, 'retry'),
    )
  })
  const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] })
  await assert.rejects(outbound.open('http://127.0.0.1:1/'), refused(/Cannot fetch/, 'retry'))
})

test('open() fails the body of a source that stops sending', async () => {
  await withServer((_, response) => void response.write('a'), async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'], idleTimeoutMs: 250 })
    const answer = await outbound.open(`http://127.0.0.1:${port}/`)
    await assert.rejects(text(answer.body), /sent nothing/)
  })
})

test('open() is patient with a slow reader', async () => {
  const size = 4 << 20
  await withServer((_, response) => response.end(Buffer.alloc(size)), async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'], idleTimeoutMs: 250 })
    const answer = await outbound.open(`http://127.0.0.1:${port}/`)
    await new Promise((resolve) => setTimeout(resolve, 800))
    assert.equal((await text(answer.body)).length, size)
  })
})

test('open() stops when its signal is aborted', async () => {
  await withServer(() => {}, async (port) => {
    const outbound = createOutbound({ allowedHosts: ['127.0.0.1'] })
    const stop = new AbortController()
    const opening = outbound.open(`http://127.0.0.1:${port}/`, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(opening, /enough/)
  })
})

test('open() tries the next address when one does not answer', async () => {
  await withServer((_, response) => response.end('second'), async (port) => {
    const outbound = createOutbound({
      allowedHosts: ['127.0.0.0/8', '::1/128'],
      lookup: async () => ['::1', '127.0.0.1'],
    })
    const answer = await outbound.open(`http://media.test:${port}/`)
    assert.equal(await text(answer.body), 'second')
  })
})
