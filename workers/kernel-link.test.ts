/** What answers of the kernel become for the worker. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createMemoryBus } from '../kernel/bus/memory.ts'
import { kernelSubjects } from '../kernel/bus/subjects.ts'
import type { Json } from '../kernel/contract/json.ts'
import { silentLog } from '../kernel/log.ts'
import { createKernelLink } from './kernel-link.ts'
import { ManualClock } from './manual-clock.fixture.ts'
import { briefFor } from './task.fixture.ts'

/** Claims from a kernel that answers this. */
async function claimFrom(t: TestContext, answer: object) {
  const bus = createMemoryBus({ clock: new ManualClock(), log: silentLog })
  t.after(() => bus.close())
  await bus.respond(kernelSubjects.claim, () => Promise.resolve(answer as Json))
  const request = { workerId: 'w1', session: 'session-1', region: 'local', limit: 2 }
  return await createKernelLink(bus).claim({ ...request, lanes: ['cpu'] })
}

test('createKernelLink() says with every brief what the answer says of encoders once', async (t) => {
  const rule = { matches: 'h264', gpu: false, plugin_id: 'encoder-second', priority: 1 }
  const plugin = { id: 'a', isEnabled: true, priority: 0, version: null, config: { a: 1 } }
  const { tasks } = await claimFrom(t, {
    tasks: [briefFor('a'), briefFor('b')],
    encoders: {
      rules: [{ ...rule, newer: true }],
      plugins: [{ ...plugin, newer: true }],
      newer: 1,
    },
  })
  const encoders = { rules: [rule], plugins: [plugin] }
  assert.deepEqual(tasks, [{ ...briefFor('a'), encoders }, { ...briefFor('b'), encoders }])
})

test('createKernelLink() says nothing of encoders for an older kernel', async (t) => {
  assert.deepEqual(await claimFrom(t, { tasks: [briefFor('a')] }), { tasks: [briefFor('a')] })
})
