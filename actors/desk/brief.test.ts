import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { taskBriefSchema } from '../../kernel/contract/task.ts'
import type { BriefJob, BriefResult, BriefTask } from '../../kernel/db/tasks.ts'
import { sampleJob, samplePlan } from '../job/sample.ts'
import { briefFrom, inputsOf } from './brief.ts'
import { hasOwnObjects, outputPrefix } from './keys.ts'

const { chunks, ...plan } = samplePlan
const job: BriefJob = {
  id: 'job-1',
  profile: sampleJob.profile,
  sourceType: 'url',
  sourceUrl: sampleJob.sourceUrl,
  plan,
  correlationId: 'req-1',
}

const encodeParams = (index: number) => ({ kind: 'encode', range: chunks[index] }) as Json
const objectOf = (name: string) => ({
  key: `jobs/job-1/work/${name}`,
  sizeBytes: 1,
  sha256: 'a'.repeat(64),
})
const resultOf = (kind: 'encode' | 'audio' | 'stitch' | 'remux', index = 0): BriefResult => ({
  taskId: `job-1.${kind}.0000${index}`,
  jobId: 'job-1',
  kind,
  index,
  params: kind === 'encode' ? encodeParams(index) : { kind },
  result: {
    kind,
    object: objectOf(`${kind}-${index}`),
    frames: 250,
    durationSeconds: 10,
    encodeMs: 1,
  },
})
const results = [
  resultOf('audio'),
  resultOf('encode', 1),
  resultOf('encode', 0),
  resultOf('stitch'),
]
const urls = new Map(results.map(({ result }) => {
  const { key } = (result as { object: { key: string } }).object
  return [key, `file:///${key}`]
}))

function taskOf(kind: BriefTask['kind'], params: BriefTask['params'] = { kind }) {
  return {
    id: `job-1.${kind}.00000`,
    jobId: 'job-1',
    kind,
    index: 0,
    params,
    attempt: 2,
    leaseToken: 't1',
  }
}

function brief(task: ReturnType<typeof taskOf>, of: BriefJob = job) {
  const inputs = inputsOf(task, results)
  const source = { url: 'https://media.example/film.mp4', name: 'film.mp4' }
  return taskBriefSchema.parse(
    briefFrom({ task, job: of, inputs, source, urls, fleetSlots: 4, leaseMs: 20_000 }),
  )
}

test('briefFrom() tells the probe nothing that it has to find out itself', () => {
  const told = brief(taskOf('probe'), { ...job, plan: null })
  assert.equal(told.plan, undefined)
  assert.deepEqual(told.inputs, [])
  assert.equal(told.outputPrefix, 'jobs/job-1/work/job-1.probe.00000/2')
  assert.equal(told.timeoutMs, 15 * 60_000)
  assert.equal(told.fleetSlots, 4)
})

test('briefFrom() gives an encode its range, the plan and time for a slow encoder', () => {
  const told = brief(taskOf('encode', encodeParams(0)))
  assert.deepEqual(told.params, { kind: 'encode', range: chunks[0] })
  assert.deepEqual(told.plan, plan)
  assert.equal(told.timeoutMs, 15 * 60_000 + 10 * 400 * 1000)
})

test('briefFrom() gives the stitch its chunks in order, their ranges, and the audio', () => {
  const told = brief(taskOf('stitch'))
  assert.deepEqual(told.inputs.map(({ taskId, index, url }) => [taskId, index, url]), [
    ['job-1.encode.00000', 0, 'file:///jobs/job-1/work/encode-0'],
    ['job-1.encode.00001', 1, 'file:///jobs/job-1/work/encode-1'],
  ])
  assert.deepEqual(told.ranges, chunks)
  assert.equal(told.audio?.taskId, 'job-1.audio.00000')
  assert.equal(told.outputPrefix, 'jobs/job-1/out/stitch-2')
})

test('briefFrom() gives the verification the file that was made, and nothing else', () => {
  const told = brief(taskOf('verify'))
  assert.deepEqual(told.inputs.map(({ taskId }) => taskId), ['job-1.stitch.00000'])
  assert.equal(told.audio, undefined)
  assert.equal(told.ranges, undefined)
})

test('briefFrom() refuses an input without a URL', () => {
  const task = taskOf('verify')
  const inputs = inputsOf(task, [resultOf('remux')])
  const source = { url: '', name: '' }
  const parts = { task, job, inputs, source, urls, fleetSlots: 1, leaseMs: 1 }
  assert.throws(() => briefFrom(parts), RangeError)
})

test('outputPrefix() is another one for every attempt', () => {
  const task = { id: 'job-1.encode.00000', jobId: 'job-1', kind: 'encode' } as const
  assert.notEqual(outputPrefix({ ...task, attempt: 1 }), outputPrefix({ ...task, attempt: 2 }))
})

test('hasOwnObjects() finds what belongs to another job', () => {
  const result = (key: string) => ({
    ...resultOf('encode').result,
    object: { ...objectOf(''), key },
  })
  assert.equal(hasOwnObjects('job-1', resultOf('encode').result), true)
  for (const key of ['jobs/job-10/out/a', 'uploads/u1/a', 'jobs/job-1']) {
    assert.equal(hasOwnObjects('job-1', result(key) as BriefResult['result']), false, key)
  }
})
