/** How a process of the product hears that it must stop. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { runProcess } from './process.ts'

test('runProcess() stops with the first signal and leaves the next one, of either kind, to the system', async () => {
  const listeners = () => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')
  const before = listeners()
  let isStopped = false
  const code = runProcess(
    () => Promise.resolve({ greeting: [], stop: async () => void (isStopped = true) }),
    'Stopping.',
  )
  assert.equal(listeners(), before + 2)
  process.emit('SIGTERM')
  assert.equal(listeners(), before)
  assert.equal(await code, 0)
  assert.equal(isStopped, true)
})
