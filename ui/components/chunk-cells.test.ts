import assert from 'node:assert/strict'
import { test } from 'node:test'
import { taskFixture } from '../fixtures.ts'
import { chunkCells, maxCells } from './chunk-cells.ts'

type Status = ReturnType<typeof taskFixture>['status']

function chunks(count: number, statusOf: (i: number) => Status) {
  return Array.from({ length: count }, (_, i) => {
    const status = statusOf(i)
    return taskFixture({
      sequence_index: i,
      start_time_sec: i * 10,
      end_time_sec: i * 10 + 10,
      status,
      progress_pct: status === 'completed' ? 100 : 0,
    })
  })
}

test('chunkCells() gives every chunk its cell while there is room', () => {
  const cells = chunkCells(chunks(maxCells, () => 'ready'))
  assert.equal(cells.length, maxCells)
  assert.deepEqual(cells[1], {
    first: 1,
    last: 1,
    startSeconds: 10,
    endSeconds: 20,
    status: 'ready',
    percent: 0,
  })
})

test('chunkCells() joins neighbours of a long job and loses none', () => {
  const cells = chunkCells(chunks(4000, (i) => i < 1000 ? 'completed' : 'ready'))
  assert.ok(cells.length <= maxCells)
  assert.equal(cells.at(-1)?.last, 3999)
  assert.equal(cells.reduce((sum, { first, last }) => sum + last - first + 1, 0), 4000)
})

test('chunkCells() shows trouble in a joined cell, and a half-done one as running', () => {
  const [trouble, mixed, done] = chunkCells(
    chunks(
      maxCells * 2,
      (i) => (['completed', 'failed', 'completed', 'ready'] as const)[i] ?? 'completed',
    ),
  )
  assert.equal(trouble?.status, 'failed')
  assert.deepEqual([mixed?.status, mixed?.percent], ['running', 50])
  assert.equal(done?.status, 'completed')
})

test('chunkCells() of no chunks is empty', () => {
  assert.deepEqual(chunkCells([]), [])
})
