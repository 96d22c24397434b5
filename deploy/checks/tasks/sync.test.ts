/** Sound and picture stay together: flashes and beeps of the source meet in the output as they did before. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { ProfileOverrides } from '../../../kernel/contract/profile.ts'
import { silentLog } from '../../../kernel/log.ts'
import { applyOverrides, findProfile } from '../../../kernel/profiles.ts'
import { createFfmpegEncoder } from '../../../plugins/encoder-ffmpeg/encoder.ts'
import { skipWithoutFfmpeg } from '../probe-file.ts'
import { runJob } from './job-driver.ts'
import { createTemporaryDirectory, ffmpeg } from './media-tools.ts'

const skip = await skipWithoutFfmpeg()
const directory = createTemporaryDirectory()
const encoder = createFfmpegEncoder({ log: silentLog })
after(() => encoder.close())

const seconds = 20
const rate = 48_000
/** A white frame and a beep at 2.5 s, 5.5 s, 8.5 s ... */
const flashes =
  `color=black:s=160x90:r=25:d=${seconds},geq=lum='if(eq(mod(N-62\\,75)\\,0)\\,235\\,16)':cb=128:cr=128`
const beeps = (sampleRate: number) =>
  `aevalsrc='if(lt(mod(t+0.52\\,3)\\,0.04)\\,sin(2*PI*1000*t)\\,0)':s=${sampleRate}:d=${seconds}`

/** Where the picture turns white, in seconds. */
async function flashTimes(file: string): Promise<number[]> {
  const args = [
    '-v',
    'error',
    '-copyts',
    '-i',
    file,
    '-map',
    '0:v',
    '-vf',
    'scale=16:16,blackframe=0:32,metadata=print:key=lavfi.blackframe.pblack:file=-',
    '-f',
    'null',
    '-',
  ]
  const { stdout } = await execa('ffmpeg', args)
  const frames = [...stdout.matchAll(/pts_time:(\S+)\s+lavfi\.blackframe\.pblack=(\d+)/g)]
  return frames.filter(([, , black]) => Number(black) < 50).map(([, time]) => Number(time))
}

/** Where silence ends, in seconds on the same clock. */
async function beepTimes(file: string): Promise<number[]> {
  const filter = `aresample=${rate}:async=1:first_pts=0,aformat=channel_layouts=mono`
  const { stdout } = await execa(
    'ffmpeg',
    ['-v', 'error', '-copyts', '-i', file, '-map', '0:a', '-af', filter, '-f', 's16le', '-'],
    { encoding: 'buffer', maxBuffer: 1 << 28 },
  )
  const samples = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.byteLength >> 1)
  const times: number[] = []
  let quietUntil = -1
  for (const [index, sample] of samples.entries()) {
    if (Math.abs(sample) < 6000) continue
    if (index > quietUntil) times.push(index / rate)
    quietUntil = index + rate / 2
  }
  return times
}

/** Beep after flash, in seconds, for each that has both. */
async function offsets(file: string): Promise<number[]> {
  const [flash, beep] = await Promise.all([flashTimes(file), beepTimes(file)])
  return flash.flatMap((time) => {
    const near = beep.filter((other) => Math.abs(other - time) < 1.45)
    return near.length === 1 ? [(near[0] ?? NaN) - time] : []
  })
}

const sources: Record<string, string[]> = {
  'plain.mp4': ['-c:v', 'libx264', '-c:a', 'aac'],
  'sound-44100.mkv': ['-c:v', 'libx264', '-c:a', 'aac'],
  'late-sound.mkv': ['-c:v', 'libx264', '-c:a', 'aac'],
  'late-picture.ts': ['-c:v', 'libx264', '-c:a', 'mp2'],
}
const offsetInputs: Record<string, [string[], string[]]> = {
  'late-sound.mkv': [[], ['-itsoffset', '0.7']],
  'late-picture.ts': [['-itsoffset', '1.3'], []],
}
const lavfi = ['-f', 'lavfi', '-i']
const mp4: ProfileOverrides = {
  chunkSeconds: 6,
  video: { preset: 'ultrafast', width: 160, height: 90 },
}
const webm: ProfileOverrides = {
  chunkSeconds: 6,
  container: 'webm',
  video: { codec: 'libvpx-vp9', preset: '8', width: 160, height: 90 },
  audio: { codec: 'libopus' },
}

describe('sound and picture', { skip }, () => {
  for (const [name, codecs] of Object.entries(sources)) {
    test(`meet as in the source: ${name}`, async () => {
      const source = join(directory, name)
      const [video, sound] = offsetInputs[name] ?? [[], []]
      const sampleRate = name.includes('44100') ? 44_100 : rate
      const inputs = [...video, ...lavfi, flashes, ...sound, ...lavfi, beeps(sampleRate)]
      const outputs = ['-map', '0:v', '-map', '1:a', ...codecs, '-preset', 'ultrafast', '-bf', '2']
      await ffmpeg(...inputs, ...outputs, source)
      const wanted = await offsets(source)
      assert.ok(wanted.length >= 4, `${wanted.length} flashes with a beep`)
      for (
        const [container, overrides, toleranceMs] of [['mp4', mp4, 1], ['webm', webm, 9]] as const
      ) {
        const own = join(directory, `${name}-${container}`)
        mkdirSync(own)
        const profile = applyOverrides(findProfile('480p_fast'), overrides)
        const job = await runJob({
          source,
          profile,
          encoder,
          directory: own,
          slots: 2,
          fleetSlots: 3,
        })
        assert.equal(job.plan.chunks.length, 3)
        const found = await offsets(job.output)
        assert.equal(found.length, wanted.length)
        for (const [index, offset] of found.entries()) {
          const moved = Math.abs(offset - (wanted[index] ?? NaN)) * 1000
          assert.ok(
            moved <= toleranceMs,
            `${container}: beep ${index} moved by ${moved.toFixed(2)} ms`,
          )
        }
      }
    })
  }
})
