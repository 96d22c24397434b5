/** Tests of failure.ts: what FFmpeg says, and what a person is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureFrom, invalidInput, wrongOutput } from './failure.ts'

const purpose = { action: 'encode chunk 3', source: 'http://127.0.0.1:1/secret/a.mp4' }

function failed(stderr: string, exitCode: number | null = 1, signal: string | null = null) {
  const outcome = { status: 'failed', stdout: '', stderr, wallMs: 5, exitCode, signal } as const
  const { kind, code, message } = failureFrom(outcome, purpose)
  return { kind, code, message }
}

test('failureFrom() names reasons in the source, which no retry cures', () => {
  const cases: [string, RegExp][] = [
    ['[error] moov atom not found\nx: Invalid data found when processing input', /moov atom/],
    [
      '[mov] [warning] detected only with low score of 1\n[error] moov atom not found',
      /unsupported/,
    ],
    ['x: Invalid data found when processing input', /damaged, or of an unsupported format/],
    ["[hls] Format not on whitelist 'mov'", /playlists, lists and images are not accepted/],
    ['Decoder (codec none) not found for input stream #0:1', /codec that cannot be decoded/],
    ["Stream map '0:v:0' matches no streams.", /no video and no audio/],
    ['Cannot determine format of input stream 0:0 after EOF', /no picture could be read/],
  ]
  for (const [stderr, message] of cases) {
    const failure = failed(stderr)
    assert.equal(failure.kind, 'invalid-input', stderr)
    assert.equal(failure.code, 'WE-JOB-007')
    assert.match(failure.message, message)
  }
  assert.equal(failed('', 69).kind, 'invalid-input')
})

test('failureFrom() tells a source that cannot be reached from one that is broken', () => {
  assert.deepEqual(
    failed(`[http] HTTP error 404 Not Found\n${purpose.source}: Server returned 404`),
    {
      kind: 'source-unavailable',
      code: 'WE-JOB-002',
      message: 'The source cannot be read: its server answered 404.',
    },
  )
  assert.equal(failed(`[error] ${purpose.source}: Connection refused`).kind, 'source-unavailable')
  assert.equal(
    failed(`[error] ${purpose.source}: No such file or directory`).kind,
    'source-unavailable',
  )
  assert.equal(failed('[error] out.mp4: No such file or directory').kind, 'encoder')
})

test('failureFrom() names reasons in the machine', () => {
  assert.deepEqual(failed('av_interleaved_write_frame(): No space left on device'), {
    kind: 'storage-full',
    code: 'WE-STO-003',
    message: 'The disk is full: FFmpeg could not encode chunk 3.',
  })
  assert.equal(failed('', null, 'SIGKILL').kind, 'out-of-memory')
  assert.equal(failed('', 137).kind, 'out-of-memory')
  assert.equal(failed('[libx264] malloc failed: Cannot allocate memory').kind, 'out-of-memory')
})

test('failureFrom() blames the encoder with its own last error', () => {
  assert.deepEqual(failed("[warning] x\n[error] Unknown encoder 'libx266'\n[info] bye"), {
    kind: 'encoder',
    code: 'WE-JOB-008',
    message: "FFmpeg could not encode chunk 3: Unknown encoder 'libx266'",
  })
  assert.match(failed('').message, /it gave no reason$/)
  assert.equal(failed('Error while opening encoder\nInvalid argument').kind, 'encoder')
})

test('failureFrom() knows runs that were stopped or took too long', () => {
  const ended = { stdout: '', stderr: '', wallMs: 1 }
  assert.equal(failureFrom({ ...ended, status: 'cancelled' }, purpose).kind, 'lost')
  assert.equal(failureFrom({ ...ended, status: 'timedOut' }, purpose).kind, 'timeout')
})

test('failureFrom() keeps the end of the output, without the address of the source', () => {
  const stderr = 'x'.repeat(9000) +
    `\n[error] ${purpose.source}: Invalid data found when processing input`
  const { detail } = failureFrom(
    { status: 'failed', stdout: '', stderr, wallMs: 1, exitCode: 1, signal: null },
    purpose,
  )
  assert.equal(detail?.length, 4000)
  assert.match(detail ?? '', /<source>: Invalid data/)
  assert.doesNotMatch(detail ?? '', /secret/)
})

test('invalidInput() and wrongOutput() say what is wrong', () => {
  assert.deepEqual(invalidInput('The source is empty.'), {
    kind: 'invalid-input',
    code: 'WE-JOB-007',
    message: 'The source is empty.',
  })
  assert.equal(
    wrongOutput('Chunk 2', 'it holds 9 frames instead of 10').message,
    'Chunk 2 did not pass verification: it holds 9 frames instead of 10.',
  )
})
