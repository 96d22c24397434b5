import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProfileOverrides, profileOverridesSchema, profileSchema } from './contract/profile.ts'
import { WebEncodeError } from './errors.ts'
import { applyOverrides, findProfile, presets } from './profiles.ts'
import { softwareVideo } from './video-codecs.ts'

const refusedAt = (path: string) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.deepEqual([error.code, error.path], ['WE-JOB-003', path])
  return true
}

test('presets are valid profiles that stay as they are without overrides', () => {
  assert.deepEqual(presets.map(({ name }) => name), [
    '1080p_h264',
    '720p_h264',
    '480p_fast',
    '4k_hevc',
    '720p_vp9',
    '1080p_av1',
    'source_copy',
  ])
  for (const preset of presets) {
    assert.deepEqual(profileSchema.parse(preset), preset)
    assert.deepEqual(applyOverrides(preset), preset)
  }
})

test('presets never encode to an average bit rate, which would show at the seams', () => {
  for (const { name, video } of presets) {
    assert.notEqual(video.rateControl?.mode, 'abr', name)
  }
})

test('findProfile() names the profiles that exist', () => {
  assert.equal(findProfile('480p_fast').name, '480p_fast')
  assert.throws(() => findProfile('8k'), refusedAt('profile'))
  assert.throws(() => findProfile('8k'), /1080p_h264, 720p_h264/)
})

test('applyOverrides() changes what is named and leaves the rest', () => {
  const profile = applyOverrides(findProfile('720p_h264'), {
    video: { preset: 'slow', width: 640, height: 360 },
    audio: { bitrateBps: 64_000 },
    maxAttempts: 5,
  })
  assert.deepEqual(
    [profile.video.preset, profile.video.width, profile.video.codecProfile],
    ['slow', 640, 'high'],
  )
  assert.deepEqual(profile.audio, { ...findProfile('720p_h264').audio, bitrateBps: 64_000 })
  assert.equal(profile.maxAttempts, 5)
  assert.equal(profile.name, '720p_h264')
})

test('applyOverrides() keeps size and caps, but not the quality scale, of another codec', () => {
  const { video } = applyOverrides(findProfile('1080p_h264'), { video: { codec: 'libx265' } })
  assert.deepEqual(video, {
    codec: 'libx265',
    width: 1920,
    height: 1080,
    fit: 'pad',
    pixelFormat: 'yuv420p',
    gopSeconds: 2,
    rateControl: { mode: 'crf', crf: 26, maxrateBps: 5_500_000, bufferBits: 10_000_000 },
  })
})

test('applyOverrides() drops everything about the picture when the video is copied', () => {
  const { video } = applyOverrides(findProfile('1080p_h264'), { video: { codec: 'copy' } })
  assert.deepEqual(video, { codec: 'copy', fit: 'contain', pixelFormat: 'yuv420p', gopSeconds: 2 })
})

test('applyOverrides() gives an encode of the copy profile a quality, and a cap its buffer', () => {
  const copy = findProfile('source_copy')
  const crf = applyOverrides(copy, { video: { codec: 'libx264' } }).video.rateControl
  assert.deepEqual(crf, { mode: 'crf', crf: 23 })
  const rateControl = { mode: 'abr', bitrateBps: 1_000_000, maxrateBps: 1_500_000 } as const
  const abr = applyOverrides(copy, { video: { codec: 'libx264', rateControl } }).video.rateControl
  assert.deepEqual(abr, { ...rateControl, bufferBits: 3_000_000 })
})

test('applyOverrides() takes the codec profile along with the bit depth', () => {
  const { video } = applyOverrides(findProfile('720p_h264'), {
    video: { pixelFormat: 'yuv420p10le' },
  })
  assert.equal(video.codecProfile, undefined)
})

test('applyOverrides() does not take an absent override for a change', () => {
  const parsed = profileOverridesSchema.parse({ container: undefined, video: { width: undefined } })
  assert.deepEqual(applyOverrides(findProfile('480p_fast'), parsed), findProfile('480p_fast'))
})

const impossible: readonly [profile: string, overrides: ProfileOverrides, path: string][] = [
  ['1080p_h264', { container: 'webm' }, 'container'],
  ['720p_vp9', { video: { codec: 'libx264' } }, 'video.codec'],
  ['720p_vp9', { audio: { codec: 'aac' } }, 'audio.codec'],
  ['720p_vp9', { audio: { sampleRateHz: 44_100 } }, 'audio.sampleRateHz'],
  ['480p_fast', { chunkSeconds: 11 }, 'chunkSeconds'],
  ['480p_fast', { video: { gopSeconds: 3 } }, 'video.gopSeconds'],
  ['480p_fast', { video: { width: 853 } }, 'video.width'],
  ['480p_fast', { video: { height: 481 } }, 'video.height'],
  ['source_copy', { video: { codec: 'libx264', fit: 'pad', width: 640 } }, 'video.fit'],
  ['480p_fast', { video: { preset: 'p4' } }, 'video.preset'],
  ['4k_hevc', { video: { preset: 'slow' } }, 'video.preset'],
  [
    '480p_fast',
    { video: { pixelFormat: 'yuv420p10le', codecProfile: 'high' } },
    'video.codecProfile',
  ],
  ['480p_fast', { video: { rateControl: { mode: 'crf', crf: 60 } } }, 'video.rateControl.crf'],
  [
    '480p_fast',
    { video: { rateControl: { mode: 'crf', crf: 23, bufferBits: 1_000_000 } } },
    'video.rateControl.maxrateBps',
  ],
  [
    '480p_fast',
    { video: { rateControl: { mode: 'abr', bitrateBps: 2_000_000, maxrateBps: 1_000_000 } } },
    'video.rateControl.maxrateBps',
  ],
  ['source_copy', { video: { width: 640, height: 360 } }, 'video.width'],
  ['1080p_h264', { video: { codec: 'copy', preset: 'fast' } }, 'video.preset'],
  ['source_copy', { audio: { bitrateBps: 64_000 } }, 'audio.bitrateBps'],
]

for (const [name, overrides, path] of impossible) {
  test(`applyOverrides() refuses ${JSON.stringify(overrides)} on ${name}`, () => {
    assert.throws(
      () => applyOverrides(findProfile(name), overrides),
      refusedAt(`overrides.${path}`),
    )
  })
}

test('applyOverrides() takes any multiple of the keyframe distance', () => {
  for (const [chunkSeconds, gopSeconds] of [[12, 2], [6.4, 0.8], [10, 2.5], [7.5, 0.5]] as const) {
    const overrides = { chunkSeconds, video: { gopSeconds } }
    assert.equal(applyOverrides(findProfile('480p_fast'), overrides).chunkSeconds, chunkSeconds)
  }
})

test('softwareVideo() keeps the picture and its cap, and leaves software as it is', () => {
  const { video } = findProfile('4k_hevc')
  const stand = softwareVideo(video)
  assert.equal(stand.codec, 'libx265')
  assert.deepEqual([stand.width, stand.height], [3840, 2160])
  assert.equal(stand.rateControl?.maxrateBps, video.rateControl?.maxrateBps)
  const software = findProfile('720p_h264').video
  assert.equal(softwareVideo(software), software)
  assert.doesNotThrow(() => applyOverrides({ ...findProfile('4k_hevc'), video: stand }))
})
