import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inboxPrefixOf, isExposed, parseNatsAddress, reconnectDelayMs } from './nats-address.ts'

test('parseNatsAddress() keeps credentials apart from what may be logged', () => {
  assert.deepEqual(parseNatsAddress('wss://kernel:p%40ss%2Fword@nats.example:8443/bus'), {
    servers: ['wss://nats.example:8443/bus'],
    credentials: { user: 'kernel', password: 'p@ss/word' },
  })
  assert.deepEqual(parseNatsAddress('ws://t0ken@a:8080, ws://b:8080'), {
    servers: ['ws://a:8080', 'ws://b:8080'],
    credentials: { token: 't0ken' },
  })
  assert.deepEqual(parseNatsAddress('ws://[::1]:8080'), {
    servers: ['ws://[::1]:8080'],
    credentials: undefined,
  })
})

test('parseNatsAddress() refuses what is no WebSocket, without repeating it', () => {
  for (const address of ['nats://u:secret@h', 'http://u:secret@h', 'secret', '', 'ws://h,secret']) {
    assert.throws(
      () => parseNatsAddress(address),
      (failure) => failure instanceof TypeError && !failure.message.includes('secret'),
    )
  }
})

test('inboxPrefixOf() is of the user, when its name can stand in a subject', () => {
  assert.equal(inboxPrefixOf({ user: 'worker', password: 'x' }), '_INBOX_worker')
  assert.equal(inboxPrefixOf({ user: 'a.b *', password: 'x' }), '_INBOX')
  assert.equal(inboxPrefixOf({ token: 'x' }), '_INBOX')
  assert.equal(inboxPrefixOf(undefined), '_INBOX')
})

test('isExposed() is true for what leaves the machine unencrypted', () => {
  assert.equal(isExposed('ws://nats:8080'), true)
  for (
    const server of ['wss://nats:8080', 'ws://localhost:1', 'ws://127.0.0.1:1', 'ws://[::1]:1']
  ) {
    assert.equal(isExposed(server), false, server)
  }
})

test('reconnectDelayMs() grows with the time gone, has bounds, and takes up to half off at random', () => {
  assert.equal(reconnectDelayMs(0, 0), 100)
  assert.equal(reconnectDelayMs(0, 1), 50)
  assert.equal(reconnectDelayMs(4_000, 0), 2_000)
  assert.equal(reconnectDelayMs(3_600_000, 0), 5_000)
  assert.equal(reconnectDelayMs(3_600_000, 1), 2_500)
})
