/** Leases: which reason to stop counts, and which progress is believed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease, LeaseBook, type LeaseEnd } from './lease.ts'
import { briefFor } from './task.fixture.ts'

test('stop() keeps the first reason, except that a lost lease is lost', () => {
  const cases: [LeaseEnd[], LeaseEnd][] = [
    [['drained', 'timedOut'], 'drained'],
    [['timedOut', 'drained'], 'timedOut'],
    [['drained', 'lost'], 'lost'],
    [['lost', 'drained'], 'lost'],
  ]
  for (const [ends, expected] of cases) {
    const lease = new Lease(briefFor('a'))
    for (const end of ends) lease.stop(end)
    assert.equal(lease.ended, expected)
    assert.equal(lease.signal.aborted, true)
  }
})

test('stop() does nothing once the outcome is decided', () => {
  const lease = new Lease(briefFor('a'))
  lease.decide()
  lease.stop('lost')
  assert.equal(lease.ended, undefined)
  assert.equal(lease.signal.aborted, false)
})

test('advance() believes no impossible numbers', () => {
  const lease = new Lease(briefFor('a'))
  lease.advance(0.5, { fps: 25, speed: 2 })
  lease.advance(Number.NaN, { fps: -1, speed: Number.POSITIVE_INFINITY })
  const { fraction, ...rest } = lease.progress
  assert.equal(fraction, 0.5)
  assert.deepEqual(Object.keys(rest), ['taskId', 'leaseToken'])
  lease.advance(1.01)
  assert.equal(lease.progress.fraction, 1)
})

test('Lease.name is a safe file name', () => {
  const lease = new Lease(briefFor('a', { taskId: '../../etc/x y', attempt: 2 }))
  assert.equal(lease.name, '.._.._etc_x_y.2')
})

test('LeaseBook.live() leaves out what is lost, and keeps two attempts at one task apart', () => {
  const book = new LeaseBook()
  const first = book.add(briefFor('a'))
  const second = book.add(briefFor('a', { attempt: 2, leaseToken: 'token-a2' }))
  first.stop('lost')
  assert.deepEqual(book.live(), [second])
  book.remove(first)
  assert.equal(book.size, 1)
})
