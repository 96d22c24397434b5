import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentRangeOf, parseByteRange } from './byte-range.ts'

test('parseByteRange() follows RFC 9110', () => {
  const cases: [string | undefined, number, ReturnType<typeof parseByteRange>][] = [
    [undefined, 10, 'whole'],
    ['', 10, 'whole'],
    ['bytes=0-', 10, { start: 0, end: 9 }],
    ['bytes=2-4', 10, { start: 2, end: 4 }],
    ['bytes= 2-4 ', 10, { start: 2, end: 4 }],
    ['Bytes=2-4', 10, { start: 2, end: 4 }],
    ['bytes=2-99', 10, { start: 2, end: 9 }],
    ['bytes=-4', 10, { start: 6, end: 9 }],
    ['bytes=-40', 10, { start: 0, end: 9 }],
    ['bytes=9-9', 10, { start: 9, end: 9 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    ['bytes=4-2', 10, 'whole'],
    ['bytes=-', 10, 'whole'],
    ['bytes=1-2,4-5', 10, 'whole'],
    ['items=1-2', 10, 'whole'],
    ['bytes=1.5-2', 10, 'whole'],
  ]
  for (const [header, size, expected] of cases) {
    assert.deepEqual(parseByteRange(header, size), expected, `${header} of ${size}`)
  }
})

test('contentRangeOf() says what of how much', () => {
  assert.equal(contentRangeOf({ start: 2, end: 4 }, 10), 'bytes 2-4/10')
  assert.equal(contentRangeOf('unsatisfiable', 10), 'bytes */10')
})
