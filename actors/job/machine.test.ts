import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import { findProfile } from '../../kernel/profiles.ts'
import { born, type Life, restored } from '../life.ts'
import { jobMachine, jobMachineVersion } from './machine.ts'
import type { JobContext, JobEvent } from './model.ts'
import { sampleJob, sampleJobEvents, sampleOutput, samplePlan } from './sample.ts'
import { jobRowFrom } from './view.ts'
import type { JobPhase } from '../../kernel/contract/job.ts'
import type { TaskKind } from '../../kernel/contract/task.ts'

const job = (changes: Partial<typeof sampleJob> = {}) => born('job', { ...sampleJob, ...changes })
const contextOf = ({ step }: Life) => step.context as unknown as JobContext
const rowOf = (life: Life) => jobRowFrom('job-1', life.step.value as JobPhase, contextOf(life))
const told = ({ step }: Life) =>
  step.effects.map(({ name, params }) => {
    const { id, to, topic, event } = params as unknown as Record<string, string> & {
      event?: { type: string }
    }
    return [name, id ?? to ?? topic ?? event?.type].filter(Boolean).join(' ') +
      (name === 'tell' ? ` ${event?.type}` : '')
  })

const started = { type: 'taskStarted', kind: 'probe', index: 0 } as const
const planned = { type: 'taskFinished', kind: 'probe', index: 0, plan: samplePlan } as const
const done = (kind: TaskKind, index = 0) => ({ type: 'taskFinished', kind, index }) as const
const verified = {
  ...done('verify'),
  outputs: [sampleOutput],
  report: { frames: 500 },
} as const
const cancel = { type: 'cancel', by: 'ann' } as const
const failed = {
  type: 'taskFailed',
  kind: 'encode',
  index: 1,
  failure: {
    kind: 'encoder',
    code: 'WE-JOB-008',
    message: 'FFmpeg ended with code 1',
    detail: 'x',
  },
} as const
const damaged = (kind: TaskKind, redo: string[]) =>
  ({
    type: 'taskDamaged',
    kind,
    index: 0,
    failure: { kind: 'damaged-input', code: 'WE-STO-001', message: 'Chunk 1 is short', redo },
  }) as const
const encoded = [done('encode', 0), done('encode', 1), done('audio')]

const lives: Readonly<Record<string, () => Life>> = {
  queued: () => job(),
  probing: () => job().after(started),
  encoding: () => job().after(started, planned),
  stitching: () => job().after(started, planned, ...encoded),
  verifying: () => job().after(started, planned, ...encoded, done('stitch')),
}

const end = (topic: string) => ['tellTasks jobEnded', 'clean', `announce ${topic}`]

type Row = readonly [from: string, event: JobEvent, to: string, effects: readonly string[]]

const rows: readonly Row[] = [
  ['queued', started, 'probing', ['announce job.started']],
  ['probing', planned, 'encoding', [
    'spawn job-1.encode.00000',
    'spawn job-1.encode.00001',
    'spawn job-1.audio.00000',
    'spawn job-1.stitch.00000',
    'spawn job-1.verify.00000',
    'announce job.updated',
  ]],
  ['encoding', done('encode', 1), 'encoding', []],
  ['stitching', done('stitch'), 'verifying', [
    'tell job-1.verify.00000 inputsReady',
    'announce job.updated',
  ]],
  ['stitching', damaged('stitch', ['job-1.encode.00001', 'job-1.audio.00000']), 'encoding', [
    'tell job-1.encode.00001 redo',
    'tell job-1.audio.00000 redo',
    'announce job.updated',
  ]],
  ['verifying', damaged('verify', []), 'stitching', [
    'tell job-1.stitch.00000 inputsReady',
    'announce job.updated',
  ]],
  ['verifying', verified, 'completed', end('job.completed')],
  ...Object.keys(lives).flatMap((from): Row[] => [
    [from, failed, 'failed', end('job.failed')],
    [from, cancel, 'cancelled', end('job.cancelled')],
  ]),
]

for (const [from, event, to, effects] of rows) {
  test(`jobMachine goes from ${from} to ${to} on ${event.type}`, () => {
    const before = lives[from]!()
    assert.equal(before.step.value, from)
    const after = before.after(event)
    assert.equal(after.step.value, to)
    assert.deepEqual(told(after), effects)
  })
}

test('jobMachine begins by asking for a probe', () => {
  assert.deepEqual(told(job()), ['spawn job-1.probe.00000', 'announce job.created'])
})

test('jobMachine lives a whole life: one damaged chunk is made again', () => {
  let life = job()
  const phases = [life.step.value]
  for (const event of sampleJobEvents) {
    life = life.after(event)
    phases.push(life.step.value)
  }
  assert.deepEqual(phases, [
    'queued',
    'probing',
    'encoding',
    'encoding',
    'encoding',
    'stitching',
    'encoding',
    'stitching',
    'verifying',
    'completed',
  ])
  const { status, tasksTotal, tasksCompleted, outputs, report } = rowOf(life)
  assert.deepEqual({ status, tasksTotal, tasksCompleted, outputs, report }, {
    status: 'completed',
    tasksTotal: 6,
    tasksCompleted: 6,
    outputs: [sampleOutput],
    report: { frames: 500 },
  })
})

test('jobMachine takes the plan even when the news of the start comes later', () => {
  const life = job().after(planned)
  assert.equal(life.step.value, 'encoding')
  assert.ok(told(life).includes('announce job.started'))
  assert.equal(life.after(started).step.changed, false)
})

test('jobMachine goes straight from the probe to the remux of a copied source', () => {
  const life = job({ profile: findProfile('source_copy') }).after(started, planned)
  assert.equal(life.step.value, 'stitching')
  assert.ok(told(life).includes('tell job-1.remux.00000 inputsReady'))
  assert.equal(life.after(done('stitch')).step.changed, false)
  assert.equal(life.after(done('remux'), verified).step.value, 'completed')
})

test('jobMachine fails when the source holds nothing to encode', () => {
  const { video: _, ...source } = samplePlan.source
  const nothing = {
    ...planned,
    plan: { ...samplePlan, source: { ...source, audio: [] }, chunks: [] },
  }
  const life = job().after(started, nothing)
  assert.equal(life.step.value, 'failed')
  assert.equal(contextOf(life).error?.code, 'WE-JOB-007')
})

test('jobMachine counts only the tasks of its phase', () => {
  const encoding = lives.encoding!()
  assert.equal(encoding.after(done('stitch')).step.changed, false)
  assert.equal(encoding.after(damaged('stitch', ['job-1.encode.00001'])).step.changed, false)
  assert.equal(lives.verifying!().after(done('encode')).step.changed, false)
})

test('jobMachine makes damaged parts again three times, then fails', () => {
  const damage = damaged('stitch', ['job-1.encode.00001'])
  const round = [damage, done('encode', 1)]
  const life = lives.stitching!().after(...round, ...round, ...round)
  assert.equal(life.step.value, 'stitching')
  assert.equal(contextOf(life).tasksCompleted, 4)
  const over = life.after(damage)
  assert.equal(over.step.value, 'failed')
  assert.deepEqual(contextOf(over).error, {
    code: 'WE-JOB-008',
    message: 'Chunk 1 is short; making the damaged parts again 3 times did not help',
  })
})

test('jobMachine shares the three rounds between stitch and verification', () => {
  const again = [damaged('verify', []), done('stitch')]
  const life = lives.verifying!().after(...again, ...again, ...again)
  assert.equal(life.step.value, 'verifying')
  assert.equal(contextOf(life).tasksCompleted, 5)
  assert.equal(life.after(damaged('verify', [])).step.value, 'failed')
})

test('jobMachine fails when the damage names no task of its own', () => {
  for (const redo of [[], ['job-2.encode.00000'], ['job-1.encode.00007'], ['job-1.verify.00000']]) {
    const life = lives.stitching!().after(damaged('stitch', redo))
    assert.equal(life.step.value, 'failed', redo.join())
  }
})

test('jobMachine fails with the code and the sentence of the task', () => {
  const life = lives.encoding!().after(failed)
  assert.deepEqual(contextOf(life).error, {
    code: 'WE-JOB-008',
    message: 'FFmpeg ended with code 1',
    detail: 'x',
  })
  const unknown = { ...failed, failure: { ...failed.failure, code: 'toString' } }
  assert.equal(contextOf(lives.encoding!().after(unknown)).error?.code, 'WE-JOB-008')
})

test('jobMachine keeps no chunk in its snapshot', () => {
  const chunks = Array.from({ length: 3000 }, (_, index) => ({ ...samplePlan.chunks[0]!, index }))
  const life = job().after({ ...planned, plan: { ...samplePlan, chunks } })
  assert.equal(contextOf(life).tasksTotal, 3004)
  assert.ok(JSON.stringify(life.step.snapshot).length < 3000)
})

test('jobMachine shows the statuses of the specification', () => {
  const statuses = Object.entries(lives).map(([phase, life]) => [phase, rowOf(life()).status])
  assert.deepEqual(statuses, [
    ['queued', 'queued'],
    ['probing', 'processing'],
    ['encoding', 'processing'],
    ['stitching', 'stitching'],
    ['verifying', 'uploading'],
  ])
})

test('jobMachine describes every state', () => {
  for (const [name, state] of Object.entries(jobMachine.states)) {
    assert.ok((state.description ?? '').length > 10, name)
  }
})

test('jobMachine restores the golden snapshots of its versions and steps on', () => {
  const golden: Golden[] = JSON.parse(
    readFileSync(new URL('golden/v1.json', import.meta.url), 'utf8'),
  )
  assert.ok(golden.some(({ machineVersion }) => machineVersion === jobMachineVersion))
  for (const { machineVersion, snapshot, event, value } of golden) {
    assert.equal(restored('job', machineVersion, snapshot).after(event).step.value, value)
  }
})

interface Golden {
  readonly machineVersion: number
  readonly snapshot: Json
  readonly event: JobEvent
  readonly value: string
}
