import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createJobId, jobIdFrom, taskIdFrom } from './ids.ts'

test('jobIdFrom() reads the job back from the id of any of its tasks', () => {
  const jobId = createJobId()
  assert.equal(jobIdFrom(taskIdFrom(jobId, 'encode', 3999)), jobId)
  assert.equal(jobIdFrom(taskIdFrom('a.b', 'probe')), 'a.b')
})

test('jobIdFrom() refuses what is not the id of a task', () => {
  for (const id of ['', 'job-1', 'job-1.encode', 'job-1.encode.7', '.encode.00000']) {
    assert.throws(() => jobIdFrom(id), TypeError, id)
  }
})
