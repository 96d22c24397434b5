import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvLine } from './csv.ts'

test('csvLine() quotes every cell and doubles quotes', () => {
  assert.equal(csvLine(['a', 'b "c"', 'd\ne', '']), '"a","b ""c""","d\ne",""\r\n')
})

test('csvLine() takes the force from text that a spreadsheet would run', () => {
  for (const cell of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1']) {
    assert.equal(csvLine([cell]), `"'${cell}"\r\n`)
  }
  assert.equal(csvLine(['a=1']), '"a=1"\r\n')
})
