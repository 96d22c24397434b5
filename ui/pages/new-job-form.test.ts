import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import { profileFixture } from '../fixtures.ts'
import { createJobFrom, fieldErrorsFrom, newJobFormFrom } from './new-job-form.ts'

const typed = { kind: 'url', source_url: ' https://a.example/v.mp4 ', profile: '720p_h264' }

function requestOf(fields: Record<string, unknown>) {
  const made = createJobFrom(newJobFormFrom({ ...typed, ...fields }), [profileFixture])
  assert.ok('request' in made, JSON.stringify(made))
  return made.request
}

function errorsOf(fields: Record<string, unknown>) {
  const made = createJobFrom(newJobFormFrom({ ...typed, ...fields }), [profileFixture])
  assert.ok('errors' in made)
  return made.errors
}

test('createJobFrom() leaves out what was left empty', () => {
  assert.deepEqual(requestOf({ priority: '', width: '' }), {
    source_url: 'https://a.example/v.mp4',
    profile: '720p_h264',
    priority: 0,
  })
})

test('createJobFrom() takes the source of the chosen kind', () => {
  const sources = { source_upload: 'fs://uploads/1/a.mp4', source_path: 'file:///media/a.mp4' }
  assert.equal(requestOf({ ...sources, kind: 'upload' }).source_url, 'fs://uploads/1/a.mp4')
  assert.equal(requestOf({ ...sources, kind: 'path' }).source_url, 'file:///media/a.mp4')
  assert.deepEqual(Object.keys(errorsOf({ kind: 'upload' })), ['source_upload'])
})

test('createJobFrom() makes overrides in the units of the API', () => {
  const { overrides } = requestOf({
    container: 'mkv',
    codec: 'libx265',
    width: '640',
    audio_kbps: '96',
    channels: '1',
    chunk_seconds: '20',
  })
  assert.deepEqual(overrides, {
    container: 'mkv',
    chunkSeconds: 20,
    video: { codec: 'libx265', width: 640 },
    audio: { bitrateBps: 96_000, channels: 1 },
  })
})

test('createJobFrom() keeps the other half of the rate control', () => {
  const rateControl = (fields: Record<string, string>) =>
    requestOf(fields).overrides?.video?.rateControl
  assert.deepEqual(rateControl({ crf: '18' }), {
    mode: 'crf',
    crf: 18,
    maxrateBps: 2_750_000,
    bufferBits: 5_500_000,
  })
  assert.deepEqual(rateControl({ maxrate_kbps: '4000' }), {
    mode: 'crf',
    crf: 23,
    maxrateBps: 4_000_000,
    bufferBits: 8_000_000,
  })
})

test('createJobFrom() names the field whose value is out of range or no number', () => {
  assert.deepEqual(Object.keys(errorsOf({ crf: '99' })), ['crf'])
  assert.deepEqual(Object.keys(errorsOf({ width: 'wide' })), ['width'])
  assert.deepEqual(Object.keys(errorsOf({ priority: '101' })), ['priority'])
  assert.deepEqual(Object.keys(errorsOf({ profile: '' })), ['profile'])
})

test('fieldErrorsFrom() puts a refusal of the kernel beside the field that caused it', () => {
  const form = newJobFormFrom(typed)
  const refused = new WebEncodeError('WE-JOB-003', 'crf must be at most 51', {
    path: 'overrides.video.rateControl.crf',
  })
  assert.deepEqual(fieldErrorsFrom(refused, form), { crf: 'crf must be at most 51' })
  const denied = new WebEncodeError('WE-STO-002', 'not below a media directory')
  assert.deepEqual(fieldErrorsFrom(denied, { ...form, kind: 'path' }), {
    source_path: 'not below a media directory',
  })
})

test('fieldErrorsFrom() leaves failures of the server to the error page', () => {
  const form = newJobFormFrom(typed)
  assert.equal(fieldErrorsFrom(new WebEncodeError('WE-SYS-002', 'gone'), form), undefined)
  assert.equal(fieldErrorsFrom(new Error('bug'), form), undefined)
})
