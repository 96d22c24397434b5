import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acknowledgement, deliveriesOf, pullRequest } from './jetstream.ts'

test('deliveriesOf() reads both forms of a reply subject, and takes anything else as the first', () => {
  assert.equal(deliveriesOf('$JS.ACK.WEBENCODE_WORK.cpu.3.10.12.1700000000.5'), 3)
  assert.equal(deliveriesOf('$JS.ACK._.hash.WEBENCODE_WORK.cpu.4.10.12.1700000000.5'), 4)
  assert.equal(deliveriesOf('$JS.ACK.hub.hash.WEBENCODE_WORK.cpu.5.10.12.1700000000.5.token'), 5)
  assert.equal(deliveriesOf(''), 1)
  assert.equal(deliveriesOf('a.b.c.d.e.f.g.h.i'), 1)
})

test('acknowledgement and pullRequest() speak in nanoseconds', () => {
  assert.equal(acknowledgement.again(0), '-NAK')
  assert.equal(acknowledgement.again(250), '-NAK {"delay":250000000}')
  assert.equal(
    pullRequest(30_000, 5_000),
    '{"batch":1,"expires":30000000000,"idle_heartbeat":5000000000}',
  )
})
