/** Tests of what a configuration refers to, and of keeping secrets out of lines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGivenSecrets, listReferences } from './secret-broker.ts'

test('listReferences() finds every *_ref, at any depth, and nothing else', () => {
  const config = {
    key_ref: 'a',
    key: 'no',
    nested: { token_ref: 'b', list: [{ password_ref: 'c' }], keys_ref: ['d', 'e'] },
    number_ref: 7,
    ref: 'no',
  }
  assert.deepEqual([...listReferences(config)].sort(), ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual([...listReferences(undefined)], [])
})

test('redact() takes out what was given, and leaves short words alone', () => {
  const given = createGivenSecrets()
  given.add('correct horse')
  given.add('a')
  assert.equal(given.redact('a correct horse, a correct horse'), 'a [redacted], a [redacted]')
})
