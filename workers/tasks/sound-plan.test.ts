/** Tests of sound-plan.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SourcePacket } from '../ffmpeg/packet-list.ts'
import { soundPlanFrom } from './sound-plan.ts'

const timeBase = { num: 1, den: 48_000 }

/** Packets of 10 ms. */
function packetsFrom(first: number, count: number, discarded = 0): SourcePacket[] {
  return Array.from({ length: count }, (_, index) => ({
    pts: first + index * 480,
    duration: 480,
    isKey: true,
    isDiscarded: index < discarded,
  }))
}

test('soundPlanFrom() starts at the first packet, wherever the source starts', () => {
  const plan = soundPlanFrom(packetsFrom(96_000, 100), timeBase)
  assert.equal(plan?.firstTick, 96_000)
  assert.equal(plan?.firstSeconds, 2)
  assert.equal(plan?.durationSeconds, 1)
})

test('soundPlanFrom() leaves out the lead-in that an edit list cuts off', () => {
  const plan = soundPlanFrom(packetsFrom(-4800, 110, 10), timeBase)
  assert.equal(plan?.firstTick, 0)
  assert.equal(plan?.durationSeconds, 1)
})

test('soundPlanFrom() finds no sound where no packet is heard', () => {
  const untimed = [{ isKey: true, isDiscarded: false }]
  assert.equal(soundPlanFrom([], timeBase), undefined)
  assert.equal(soundPlanFrom(untimed, timeBase), undefined)
  assert.equal(soundPlanFrom(packetsFrom(0, 3, 3), timeBase), undefined)
})
