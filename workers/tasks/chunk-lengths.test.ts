/** Tests of chunk-lengths.ts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Profile } from '../../kernel/contract/profile.ts'
import { findProfile } from '../../kernel/profiles.ts'
import { chunkLengths } from './chunk-lengths.ts'

const profile = findProfile('720p_h264')
const lengths = (seconds: number, slots: number, over: Partial<Profile> = {}) =>
  chunkLengths(seconds, slots, { ...profile, ...over })

describe('chunkLengths()', () => {
  test('is one chunk for what is shorter than two', () => {
    assert.deepEqual(lengths(19.9, 8), [19.9])
    assert.deepEqual(lengths(20, 8), [8, 6, 6])
  })

  test('begins with long chunks and ends with short ones', () => {
    assert.deepEqual(lengths(40, 2), [14, 8, 6, 6, 6])
    assert.deepEqual(lengths(80, 2), [30, 18, 12, 8, 6, 6])
    assert.deepEqual(lengths(120, 2), [32, 30, 20, 12, 8, 6, 6, 6])
  })

  test('keeps every slot busy until the last chunk is begun', () => {
    for (const [seconds, slots] of [[80, 2], [65.3, 3], [600, 4], [3600, 16]] as const) {
      const busyUntil = Array<number>(slots).fill(0)
      for (const length of lengths(seconds, slots)) {
        busyUntil[busyUntil.indexOf(Math.min(...busyUntil))]! += length
      }
      const idle = Math.max(...busyUntil) - Math.min(...busyUntil)
      assert.ok(idle <= 8, `${seconds} s on ${slots} slots leave one idle for ${idle} s`)
    }
  })

  test('covers the whole length in multiples of the keyframe distance, of 6 s or more', () => {
    for (const seconds of [20, 31, 65.3, 119, 3601, 200 * 3600]) {
      const all = lengths(seconds, 3)
      const sum = all.reduce((total, length) => total + length, 0)
      assert.ok(Math.abs(sum - seconds) < 1e-6)
      assert.ok(all.slice(0, -1).every((length) => length % 2 === 0))
      assert.ok(Math.min(...all) >= 6)
    }
  })

  test('bounds what a crash costs on one slot to ten minutes', () => {
    assert.deepEqual([lengths(600, 1), lengths(601, 1)], [[600], [300, 301]])
    assert.equal(lengths(7200, 1).length, 12)
  })

  test('never plans more than 4000 chunks', () => {
    assert.ok(lengths(200 * 3600, 64, { chunkSeconds: 6 }).length <= 4000)
    assert.ok(lengths(200 * 3600, 5000).length <= 4000)
  })

  test('does not cut what is copied or has an average bit rate', () => {
    const rateControl = { mode: 'abr', bitrateBps: 1_000_000 } as const
    assert.deepEqual(lengths(3600, 8, { video: { ...profile.video, rateControl } }), [3600])
    assert.deepEqual(chunkLengths(3600, 8, findProfile('source_copy')), [3600])
  })
})
