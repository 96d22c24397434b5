/** Task logs: what is kept of much output. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TaskLog } from './task-log.ts'

test('record() keeps lines with their time', () => {
  const log = new TaskLog(() => 0)
  log.record('one')
  log.record('two')
  assert.equal(log.text, '1970-01-01T00:00:00.000Z one\n1970-01-01T00:00:00.000Z two\n')
})

test('record() keeps the first and last lines of endless output, and says what is missing', () => {
  const log = new TaskLog(() => 0)
  for (let i = 0; i < 100_000; i++) log.record(`line ${i}`)
  const lines = log.text.trimEnd().split('\n')
  assert.ok(log.text.length < 1_100_000, `${log.text.length} characters`)
  assert.match(lines[0] ?? '', / line 0$/)
  assert.match(lines.at(-1) ?? '', / line 99999$/)
  const gap = lines.findIndex((line) => line.startsWith('...'))
  const dropped = Number(/\d+/.exec(lines[gap] ?? '')?.[0])
  const last = Number(/\d+$/.exec(lines[gap - 1] ?? '')?.[0])
  const next = Number(/\d+$/.exec(lines[gap + 1] ?? '')?.[0])
  assert.equal(next - last - 1, dropped)
})

test('record() cuts a line that is longer than 8,000 characters', () => {
  const log = new TaskLog(() => 0)
  log.record('x'.repeat(10_000))
  assert.equal(log.text.length, 8_000 + 26)
})
