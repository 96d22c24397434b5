/** What must hold between the settings of a profile: combinations that no encoder or container can make are refused. */
import type { Profile, ProfileOverrides, VideoSettings } from './contract/profile.ts'
import { WebEncodeError } from './errors.ts'
import { type VideoEncoder, videoEncoders } from './video-codecs.ts'

/**
 * Checks a profile that `overrides` changed.
 * @throws WE-JOB-003 naming the override that makes it impossible
 */
export function checkProfile(profile: Profile, overrides: ProfileOverrides): void {
  if (profile.video.codec === 'copy') checkCopiedVideo(overrides)
  else checkVideo(profile, { ...profile.video, codec: profile.video.codec }, overrides)
  checkAudio(profile, overrides)
}

type EncodedVideo = VideoSettings & { readonly codec: VideoEncoder }

function checkVideo(profile: Profile, video: EncodedVideo, overrides: ProfileOverrides): void {
  const facts = videoEncoders[video.codec]
  if (!facts.containers.includes(profile.container)) {
    const path = overrides.video?.codec === undefined ? 'container' : 'video.codec'
    refuse(path, `${profile.container} cannot hold ${video.codec} video`)
  }
  mustBeOneOf('video.preset', video.preset, facts.presets, `the preset of ${video.codec}`)
  const profiles = facts.profiles[video.pixelFormat]
  const asked = `the codec profile of ${video.codec} in ${video.pixelFormat}`
  mustBeOneOf('video.codecProfile', video.codecProfile, profiles, asked)
  checkSize(video)
  checkChunks(profile, overrides)
  checkRate(video)
}

function checkSize({ width, height, fit }: EncodedVideo): void {
  for (const [name, pixels] of Object.entries({ width, height })) {
    if (pixels !== undefined && pixels % 2 !== 0) {
      refuse(
        `video.${name}`,
        `${name} must be even, because colour has half the resolution; found ${pixels}`,
      )
    }
  }
  if (fit === 'pad' && (width === undefined || height === undefined)) {
    refuse('video.fit', 'fit "pad" needs both width and height')
  }
}

function checkChunks({ chunkSeconds, video }: Profile, overrides: ProfileOverrides): void {
  const keyframes = chunkSeconds / video.gopSeconds
  if (Math.abs(keyframes - Math.round(keyframes)) < 1e-9) return
  const path = overrides.chunkSeconds === undefined ? 'video.gopSeconds' : 'chunkSeconds'
  const found = `chunkSeconds is ${chunkSeconds} and gopSeconds is ${video.gopSeconds}`
  refuse(path, `chunkSeconds must be a multiple of gopSeconds, and ${found}`)
}

function checkRate({ codec, rateControl: control }: EncodedVideo): void {
  if (control === undefined) return
  const { maxCrf } = videoEncoders[codec]
  if (control.mode === 'crf' && control.crf > maxCrf) {
    refuse(
      'video.rateControl.crf',
      `crf of ${codec} must be at most ${maxCrf}; found ${control.crf}`,
    )
  }
  if (control.bufferBits !== undefined && control.maxrateBps === undefined) {
    refuse('video.rateControl.maxrateBps', 'bufferBits needs a maxrateBps')
  }
  if (control.mode === 'abr' && (control.maxrateBps ?? Infinity) < control.bitrateBps) {
    refuse(
      'video.rateControl.maxrateBps',
      `maxrateBps must be at least bitrateBps (${control.bitrateBps})`,
    )
  }
}

/** Settings of an encode mean nothing for video that is copied, so whoever gives one expects something else. */
function checkCopiedVideo({ video = {} }: ProfileOverrides): void {
  for (const [name, value] of Object.entries(video)) {
    if (name !== 'codec' && value !== undefined) {
      refuse(`video.${name}`, `video that is copied cannot change its ${name}`)
    }
  }
}

function checkAudio({ container, audio }: Profile, overrides: ProfileOverrides): void {
  if (audio.codec === 'copy') {
    for (const [name, value] of Object.entries(overrides.audio ?? {})) {
      if (name !== 'codec' && value !== undefined) {
        refuse(`audio.${name}`, `audio that is copied cannot change its ${name}`)
      }
    }
  }
  if (container === 'webm' && audio.codec === 'aac') {
    const path = overrides.audio?.codec === undefined ? 'container' : 'audio.codec'
    refuse(path, 'webm cannot hold aac audio; use libopus')
  }
  if (audio.codec === 'libopus' && audio.sampleRateHz !== 48_000) {
    refuse(
      'audio.sampleRateHz',
      `sampleRateHz of libopus must be 48000; found ${audio.sampleRateHz}`,
    )
  }
}

function mustBeOneOf(
  path: string,
  value: string | undefined,
  allowed: readonly string[],
  what: string,
): void {
  if (value === undefined || allowed.includes(value)) return
  refuse(path, `${what} must be one of ${allowed.join(', ')}; found ${value}`)
}

function refuse(path: string, problem: string): never {
  throw new WebEncodeError('WE-JOB-003', `Cannot apply the overrides: ${problem}`, {
    path: `overrides.${path}`,
  })
}
