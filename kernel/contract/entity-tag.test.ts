import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTagNamed } from './entity-tag.ts'

test('isTagNamed() finds a tag in the list of If-None-Match, weak or not', () => {
  const cases: [string | null | undefined, boolean][] = [
    [null, false],
    [undefined, false],
    ['', false],
    ['"a"', true],
    ['W/"a"', true],
    ['"b", W/"a"', true],
    ['*', true],
    ['"b"', false],
    ['a', false],
  ]
  for (const [header, expected] of cases) {
    assert.equal(isTagNamed(header, '"a"'), expected, `${header}`)
  }
})
