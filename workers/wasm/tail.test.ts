import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTail } from './tail.ts'

test('createTail() keeps a short text whole', () => {
  const tail = createTail(10)
  tail.add('one\n')
  tail.add('two\n')
  assert.equal(tail.text(), 'one\ntwo\n')
})

test('createTail() keeps whole lines at the end of a long text', () => {
  const tail = createTail(10)
  for (let line = 0; line < 1000; line++) tail.add(`${line}\n`)
  assert.equal(tail.text(), '998\n999\n')
})

test('createTail() keeps the end of a line that is longer than it', () => {
  const tail = createTail(4)
  tail.add('abcdefghijkl')
  assert.equal(tail.text(), 'ijkl')
})
