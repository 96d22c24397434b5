/** Subject filters: which subjects they take. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMatch, isOverlap } from './filter.ts'

test('isMatch() takes tokens, "*" for one token and a last ">" for one or more', () => {
  const cases: [string, string, boolean][] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.b', 'a', false],
    ['a', 'a.b', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['a.*.c', 'a.b.c', true],
    ['a.*', 'a', false],
    ['a.>', 'a', false],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['>', 'a.b', true],
  ]
  for (const [filter, subject, expected] of cases) {
    assert.equal(isMatch(filter, subject), expected, `${filter} and ${subject}`)
  }
})

test('isOverlap() tells whether two filters share a subject, in either order', () => {
  const cases: [string, string, boolean][] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.*', 'a.b', true],
    ['a.*', '*.b', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.*', 'a.b.c', false],
    ['a.b.>', 'a.*', false],
  ]
  for (const [one, other, expected] of cases) {
    assert.equal(isOverlap(one, other), expected, `${one} and ${other}`)
    assert.equal(isOverlap(other, one), expected, `${other} and ${one}`)
  }
})
