/** Tests of packet-list.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  endSecondsOf,
  parsePacketList,
  parseSourcePackets,
  startSecondsOf,
  timeBaseFrom,
} from './packet-list.ts'

test('parseSourcePackets() reads times and flags, and passes over side data', () => {
  const text = '-1024,512,KD\nN/A,512,__\n1536,N/A,K_,\n\n\n2048,512,__\n'
  assert.deepEqual(parseSourcePackets(text), [
    { pts: -1024, duration: 512, isKey: true, isDiscarded: true },
    { duration: 512, isKey: false, isDiscarded: false },
    { pts: 1536, isKey: true, isDiscarded: false },
    { pts: 2048, duration: 512, isKey: false, isDiscarded: false },
  ])
})

test('parsePacketList() reads tracks with their clocks and packets', () => {
  const text = `#extradata 0:       40, 0xfd7a0c07
#software: Lavf59.27.100
#tb 0: 1/12800
#media_type 0: video
#tb 1: 1/48000
#media_type 1: audio
0,      -1067,          0,      533,      873, 0x17194552, S=1,        8
1,      -1024,      -1024,     1024,        9, 0x00000001
0,       -534,       2133,      533,       12, 0x0000abcd, F=0x0
`
  assert.deepEqual(parsePacketList(text), [
    {
      timeBase: { num: 1, den: 12_800 },
      type: 'video',
      packets: [
        { dts: -1067, pts: 0, duration: 533, sizeBytes: 873, checksum: '0x17194552' },
        { dts: -534, pts: 2133, duration: 533, sizeBytes: 12, checksum: '0x0000abcd' },
      ],
    },
    {
      timeBase: { num: 1, den: 48_000 },
      type: 'audio',
      packets: [{ dts: -1024, pts: -1024, duration: 1024, sizeBytes: 9, checksum: '0x00000001' }],
    },
  ])
  assert.deepEqual(parsePacketList(''), [])
})

test('startSecondsOf() and endSecondsOf() look at when frames are shown, not at their order', () => {
  const packet = (pts: number) => ({ dts: 0, pts, duration: 10, sizeBytes: 1, checksum: '' })
  const track = { timeBase: { num: 1, den: 100 }, type: 'video', packets: [50, 90, 30].map(packet) }
  assert.equal(startSecondsOf(track), 0.3)
  assert.equal(endSecondsOf(track), 1)
  assert.equal(startSecondsOf(undefined), 0)
  assert.equal(endSecondsOf({ ...track, packets: [] }), 0)
})

test('timeBaseFrom() refuses what is no positive fraction', () => {
  assert.deepEqual(timeBaseFrom('1001/30000'), { num: 1001, den: 30_000 })
  for (const text of ['', '0/1', '1/0', 'x']) assert.throws(() => timeBaseFrom(text), RangeError)
})
