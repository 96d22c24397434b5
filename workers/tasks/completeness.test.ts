/** Tests of completeness.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { truncationOf } from './completeness.ts'

const whole = {
  format: 'mov,mp4,m4a',
  announcedSeconds: 30,
  readSeconds: 30,
  announcedFrames: 720,
  readFrames: 720,
  stderr: '',
}

test('truncationOf() believes the index of an MP4', () => {
  assert.equal(truncationOf(whole), undefined)
  const cut = {
    ...whole,
    readFrames: 344,
    readSeconds: 14.3,
    stderr: 'stream 0, offset 0x1e9e0c: partial file',
  }
  assert.equal(
    truncationOf(cut),
    'The source is incomplete: it announces 720 frames, and only 344 can be read. Upload the whole file.',
  )
  // An edit list may leave most of the index out, and a fragmented file announce any duration.
  assert.equal(truncationOf({ ...whole, readFrames: 30, announcedSeconds: 143_165 }), undefined)
})

test('truncationOf() compares what Matroska and FLV announce', () => {
  const { announcedFrames: _none, ...untold } = whole
  const cut = { ...untold, readSeconds: 14.4, readFrames: 344 }
  const matroska = { ...cut, format: 'matroska,webm' }
  assert.match(
    truncationOf({ ...matroska, stderr: 'File ended prematurely' }) ?? '',
    /announces 30\.0 s, and ends after 14\.4 s/,
  )
  assert.equal(truncationOf(matroska), undefined, 'another track may just be longer')
  assert.equal(
    truncationOf({ ...matroska, announcedSeconds: 0, stderr: 'File ended prematurely' }),
    undefined,
  )
  assert.ok(truncationOf({ ...cut, format: 'flv' }))
  assert.equal(truncationOf({ ...untold, format: 'flv', readSeconds: 29 }), undefined)
})

test('truncationOf() counts the frames of an AVI, some of which are never written', () => {
  const avi = { ...whole, format: 'avi', announcedFrames: 98 }
  assert.equal(truncationOf({ ...avi, readFrames: 96 }), undefined)
  assert.ok(truncationOf({ ...avi, readFrames: 55 }))
})

test('truncationOf() lets a transport stream begin and end anywhere', () => {
  const stderr = 'PES packet size mismatch\nPacket corrupt'
  assert.equal(truncationOf({ ...whole, format: 'mpegts', readSeconds: 3, stderr }), undefined)
})
