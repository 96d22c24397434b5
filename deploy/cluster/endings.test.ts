import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endAll, endLater, runToItsEnd } from './endings.ts'

test('endAll() ends the latest first, each once, and what is begun meanwhile', async (t) => {
  const ended: string[] = []
  const error = t.mock.method(console, 'error', () => {})
  const endFirst = endLater(() => ended.push('first'))
  endLater(() => {
    ended.push('second')
    endLater(() => ended.push('late'))
  })
  endLater(() => Promise.reject(new Error('cannot')))
  const endLast = endLater(() => ended.push('last'))
  await endLast()
  await endAll()
  await Promise.all([endFirst(), endLast()])
  assert.deepEqual(ended, ['last', 'second', 'late', 'first'])
  assert.match(String(error.mock.calls[0]?.arguments[1]), /cannot/)
})

test('runToItsEnd() ends what failing work leaves, and fails with it', async () => {
  const ended: string[] = []
  const run = runToItsEnd(() => {
    endLater(() => ended.push('server'))
    return Promise.reject(new Error('the work failed'))
  })
  await assert.rejects(run, /the work failed/)
  assert.deepEqual(ended, ['server'])
  assert.deepEqual([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')], [0, 0])
})
