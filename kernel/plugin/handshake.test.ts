/** Tests of the handshake line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHandshake } from './handshake.ts'

const long = Buffer.alloc(64, 7).toString('base64').replaceAll('=', '')

test('parseHandshake() takes Unix sockets, loopback ports and certificates', () => {
  assert.deepEqual(parseHandshake('p', '1|1|unix|/tmp/p.sock|grpc'), { target: 'unix:/tmp/p.sock' })
  assert.deepEqual(parseHandshake('p', '1|1|tcp|127.0.0.1:1234|grpc|\r'), {
    target: 'ipv4:127.0.0.1:1234',
  })
  assert.deepEqual(parseHandshake('p', '1|1|tcp|[::1]:9|grpc'), { target: 'ipv6:[::1]:9' })
  assert.deepEqual(parseHandshake('p', `1|1|unix|/s|grpc|${long}|true`), {
    target: 'unix:/s',
    serverCertificate: Buffer.alloc(64, 7),
  })
})

test('parseHandshake() refuses everything else, and says what it found', () => {
  const cases: [string, RegExp][] = [
    ['', /must be "CORE\|APP/],
    ['hello world', /found "hello world"/],
    ['2|1|unix|/s|grpc', /must begin with 1/],
    ['1|2|unix|/s|grpc', /must have protocol version 1, found "2"/],
    ['1|1|unix|/s', /must have the protocol "grpc"/],
    ['1|1|unix|/s|netrpc', /must have the protocol "grpc"/],
    ['1|1|unix|relative|grpc', /must have a Unix socket/],
    [`1|1|unix|/${'x'.repeat(120)}|grpc`, /must have a Unix socket/],
    ['1|1|tcp|10.0.0.1:80|grpc', /must have a Unix socket/],
    ['1|1|tcp|0.0.0.0:80|grpc', /must have a Unix socket/],
    ['1|1|tcp|127.0.0.1|grpc', /must have a Unix socket/],
    ['1|1|udp|127.0.0.1:1|grpc', /must have a Unix socket/],
  ]
  for (const [line, message] of cases) {
    assert.throws(() => parseHandshake('p', line), { code: 'WE-PLG-004', message }, line)
  }
})
