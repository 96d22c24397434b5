import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSlots } from './slots.ts'

const never = new AbortController().signal

describe('createSlots()', () => {
  test('gives out no more than it has, in the order of asking', async () => {
    const slots = createSlots(1)
    const order: string[] = []
    const giveBack = await slots.take(never)
    const waiting = ['first', 'second'].map(async (name) => {
      const giveBackOwn = await slots.take(never)
      order.push(name)
      giveBackOwn()
    })
    assert.deepEqual(order, [])
    giveBack()
    await Promise.all(waiting)
    assert.deepEqual(order, ['first', 'second'])
  })

  test('gives two slots that come back at once to two who wait', async () => {
    const slots = createSlots(2)
    const held = [await slots.take(never), await slots.take(never)]
    const waiting = [slots.take(never), slots.take(never)]
    for (const giveBack of held) giveBack()
    assert.equal((await Promise.all(waiting)).length, 2)
  })

  test('loses no slot when one who waits is aborted', async () => {
    const slots = createSlots(1)
    const giveBack = await slots.take(never)
    const stop = new AbortController()
    const waiting = slots.take(stop.signal)
    stop.abort(new Error('stopped'))
    await assert.rejects(waiting, /stopped/)
    giveBack()
    const again = await slots.take(never)
    again()
  })

  test('refuses who comes with an aborted signal', async () => {
    await assert.rejects(createSlots(1).take(AbortSignal.abort(new Error('stopped'))), /stopped/)
  })

  for (const count of [0, -1, 1.5, Number.NaN]) {
    test(`refuses ${count} slots`, () => {
      assert.throws(() => createSlots(count), RangeError)
    })
  }
})
