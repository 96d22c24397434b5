/** Tests of version ranges. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInRange, isVersion, isVersionRange } from './version-range.ts'

test('isInRange() knows exact versions, wildcards, ^, ~ and >=', () => {
  const cases: [string, string, boolean][] = [
    ['0.1.0', '0.1.0', true],
    ['0.1.1', '0.1.0', false],
    ['1.4.2', '1.x', true],
    ['2.0.0', '1.x', false],
    ['1.4.2', '1.4', true],
    ['1.5.0', '1.4.x', false],
    ['1.9.9', '^1.4.0', true],
    ['1.3.9', '^1.4.0', false],
    ['2.0.0', '^1.4.0', false],
    ['0.1.9', '^0.1.2', true],
    ['0.2.0', '^0.1.2', false],
    ['0.0.4', '^0.0.3', false],
    ['1.4.9', '~1.4.2', true],
    ['1.5.0', '~1.4.2', false],
    ['2.0.0', '>=1.0.0', true],
    ['0.9.9', '>=1.0.0', false],
    ['10.0.0', '>=9.0.0', true],
    ['3.2.1', '*', true],
  ]
  for (const [version, range, expected] of cases) {
    assert.equal(isInRange(version, range), expected, `${version} in ${range}`)
  }
})

test('isVersion() and isVersionRange() refuse what is neither', () => {
  for (const text of ['', '1', '1.2', 'v1.2.3', '1.2.3.4', 'latest']) {
    assert.equal(isVersion(text), false, text)
  }
  for (const text of ['', 'latest', '>1.0.0', '1.2.3.4', '^', '1.0.0 - 2.0.0']) {
    assert.equal(isVersionRange(text), false, text)
  }
})
