import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seal, unseal } from './seal.ts'

test('unseal() opens what was sealed with the same secret for the same purpose, unchanged', () => {
  const sealed = seal('secret', 'a', 'wörds')
  assert.equal(unseal('secret', 'a', sealed), 'wörds')
  assert.equal(unseal('other', 'a', sealed), undefined)
  assert.equal(unseal('secret', 'b', sealed), undefined)
  const bytes = Buffer.from(sealed, 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i] = (changed[i] ?? 0) ^ 1
    assert.equal(unseal('secret', 'a', changed.toString('base64url')), undefined)
  }
  assert.equal(unseal('secret', 'a', ''), undefined)
  assert.notEqual(seal('secret', 'a', 'wörds'), sealed)
})
