import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../log.ts'
import { Refusals } from './refusals.ts'

test('Refusals counts everything, and logs each kind and subject once', () => {
  const lines: string[] = []
  const refusals = new Refusals(createLog('info', (line) => lines.push(line)))
  for (let i = 0; i < 3; i++) {
    refusals.add('live.a', { kind: 'not JSON', reason: 'not JSON: odd' })
    refusals.add('live.a', { kind: 'unknown version', reason: 'version 2' })
    refusals.add('live.b', { kind: 'not JSON', reason: 'not JSON: odd' })
  }
  assert.equal(refusals.count, 9)
  assert.equal(lines.length, 3)
})

test('Refusals logs at most 1,000 subjects, however many a stranger makes up', () => {
  let lines = 0
  const refusals = new Refusals(createLog('info', () => lines++))
  for (let i = 0; i < 5_000; i++) refusals.add(`live.${i}`, { kind: 'not JSON', reason: 'odd' })
  assert.equal(refusals.count, 5_000)
  assert.equal(lines, 1_000)
})
