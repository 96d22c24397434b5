import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findProfile } from '../../kernel/profiles.ts'
import { planTasks, probeTask } from './plan.ts'
import { sampleJob, samplePlan } from './sample.ts'

const names = (tasks: ReturnType<typeof planTasks>) =>
  tasks.map(({ kind, index, lane, blocked }) =>
    `${kind} ${index} ${lane}${blocked ? ' blocked' : ''}`
  )

test('planTasks() encodes chunks and audio side by side, then stitches and verifies', () => {
  assert.deepEqual(names(planTasks(sampleJob, samplePlan)), [
    'encode 0 cpu',
    'encode 1 cpu',
    'audio 0 cpu',
    'stitch 0 copy blocked',
    'verify 0 copy blocked',
  ])
})

test('planTasks() leaves out what the source does not have', () => {
  const { video: _, ...soundOnly } = samplePlan.source
  const silent = { ...samplePlan, source: { ...samplePlan.source, audio: [] } }
  assert.deepEqual(names(planTasks(sampleJob, silent)), [
    'encode 0 cpu',
    'encode 1 cpu',
    'stitch 0 copy blocked',
    'verify 0 copy blocked',
  ])
  assert.deepEqual(names(planTasks(sampleJob, { ...samplePlan, source: soundOnly, chunks: [] })), [
    'audio 0 cpu',
    'stitch 0 copy blocked',
    'verify 0 copy blocked',
  ])
  const empty = { ...samplePlan, source: { ...soundOnly, audio: [] }, chunks: [] }
  assert.deepEqual(planTasks(sampleJob, empty), [])
})

test('planTasks() remuxes a source that is copied', () => {
  const copied = { ...sampleJob, profile: findProfile('source_copy') }
  assert.deepEqual(names(planTasks(copied, samplePlan)), [
    'remux 0 copy blocked',
    'verify 0 copy blocked',
  ])
})

test('planTasks() sends NVENC to workers with an NVIDIA GPU, and the sound to any', () => {
  const gpu = { ...sampleJob, profile: findProfile('4k_hevc') }
  assert.deepEqual(names(planTasks(gpu, samplePlan)).slice(0, 3), [
    'encode 0 gpu.nvidia',
    'encode 1 gpu.nvidia',
    'audio 0 cpu',
  ])
})

test('planTasks() and probeTask() say which encoder a task needs, but for a probe of a GPU’s', () => {
  const needs = (profile: string) => {
    const job = { ...sampleJob, profile: findProfile(profile) }
    return [probeTask(job), ...planTasks(job, samplePlan)]
      .flatMap(({ kind, videoCodec }) => videoCodec === undefined ? [] : [`${kind} ${videoCodec}`])
  }
  assert.deepEqual(needs('480p_fast'), ['probe libx264', 'encode libx264', 'encode libx264'])
  assert.deepEqual(needs('4k_hevc'), ['encode hevc_nvenc', 'encode hevc_nvenc'])
  assert.deepEqual(needs('source_copy'), [])
})

test('planTasks() places chunks one after the other and weighs them by their length', () => {
  const tasks = planTasks(sampleJob, samplePlan)
  assert.deepEqual(tasks.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]), [
    [0, 10],
    [10, 20],
    [0, 20],
    [0, 20],
    [0, 20],
  ])
  const share = (kind: string) =>
    tasks.filter((task) => task.kind === kind).reduce((sum, { weight }) => sum + weight, 0) / 20
  assert.deepEqual(['encode', 'audio', 'stitch', 'verify'].map(share), [1, 0.03, 0.01, 0.03])
})

test('planTasks() hands each encode task its own range, and every task the attempts of the profile', () => {
  const job = { ...sampleJob, profile: { ...sampleJob.profile, maxAttempts: 7 } }
  const tasks = planTasks(job, samplePlan)
  assert.deepEqual(tasks[1]?.params, { kind: 'encode', range: samplePlan.chunks[1] })
  assert.ok(tasks.every(({ maxAttempts }) => maxAttempts === 7))
  assert.equal(probeTask(job).weight, 0)
})
