import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../kernel/log.ts'
import { createLoop } from './loop.ts'
import { createVirtualClock, settled } from './simulation/virtual-clock.ts'

function loopWith(round: () => Promise<number>) {
  const clock = createVirtualClock(0)
  return { clock, loop: createLoop({ name: 'test', clock, log: silentLog, round }) }
}

test('a loop waits as long as its round says', async () => {
  const at: number[] = []
  const { clock, loop } = loopWith(async () => {
    at.push(clock.now())
    return 100
  })
  loop.start()
  await settled()
  while (clock.nextAt <= 300) await clock.advance()
  assert.deepEqual(at, [0, 100, 200, 300])
})

test('a loop never runs two rounds at once, and runs one more when kicked meanwhile', async () => {
  let running = 0
  let rounds = 0
  const { clock, loop } = loopWith(async () => {
    assert.equal(++running, 1)
    rounds += 1
    await clock.sleep(50)
    running -= 1
    return 1000
  })
  loop.start()
  for (let i = 0; i < 5; i++) loop.kick()
  while (clock.nextAt <= 500) await clock.advance()
  assert.equal(rounds, 2)
})

test('a loop runs earlier when told to, never later', async () => {
  const at: number[] = []
  const { clock, loop } = loopWith(async () => {
    at.push(clock.now())
    return 100
  })
  loop.start()
  await settled()
  loop.within(500)
  loop.within(30)
  while (clock.nextAt <= 130) await clock.advance()
  assert.deepEqual(at, [0, 30, 130])
})

test('a loop backs off while its rounds fail, however often it is kicked', async () => {
  const at: number[] = []
  const { clock, loop } = loopWith(async () => {
    at.push(clock.now())
    loop.kick()
    throw new Error('no')
  })
  loop.start()
  await settled()
  loop.kick()
  while (clock.nextAt <= 1500) await clock.advance()
  assert.deepEqual(at, [0, 100, 300, 700, 1500])
})

test('stop() waits for the running round and starts no other', async () => {
  let rounds = 0
  const { clock, loop } = loopWith(async () => {
    rounds += 1
    await clock.sleep(50)
    return 0
  })
  loop.start()
  let stopped = false
  const stopping = loop.stop().then(() => stopped = true)
  await settled()
  assert.equal(stopped, false)
  await clock.advance()
  await stopping
  loop.kick()
  assert.equal(await clock.advance(), false)
  assert.equal(rounds, 1)
})
