/** The encoding profiles that come with the product, and how a request changes one. */
import type { Profile, ProfileOverrides, VideoSettings } from './contract/profile.ts'
import { WebEncodeError } from './errors.ts'
import { checkProfile } from './profile-rules.ts'
import { defaultCrf } from './video-codecs.ts'

const aac = { codec: 'aac', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 } as const
const opus = { codec: 'libopus', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 } as const
const picture = { fit: 'contain', pixelFormat: 'yuv420p', gopSeconds: 2 } as const
const work = { chunkSeconds: 10, maxAttempts: 3 } as const

/**
 * The presets. Video is encoded in chunks that cannot see one another, so the rate control is capped CRF, with the
 * maximum rate and buffer that an average bit rate would have had: an average bit rate loses up to 3 dB at every seam,
 * because each chunk spends its budget without knowing its neighbours; capped CRF loses nothing measurable.
 * Chunks are 10 s: shorter than 6 s costs quality, because the encoder's look-ahead ends with the chunk.
 */
export const presets: readonly Profile[] = [
  {
    name: '1080p_h264',
    description: 'Full HD for every player: H.264 and AAC in MP4',
    container: 'mp4',
    video: {
      ...picture,
      codec: 'libx264',
      preset: 'fast',
      codecProfile: 'high',
      level: '4.1',
      rateControl: { mode: 'crf', crf: 23, maxrateBps: 5_500_000, bufferBits: 10_000_000 },
      width: 1920,
      height: 1080,
      fit: 'pad',
    },
    audio: { ...aac, bitrateBps: 192_000 },
    ...work,
  },
  {
    name: '720p_h264',
    description: 'HD for every player, quickly made: H.264 and AAC in MP4',
    container: 'mp4',
    video: {
      ...picture,
      codec: 'libx264',
      preset: 'veryfast',
      codecProfile: 'high',
      rateControl: { mode: 'crf', crf: 23, maxrateBps: 2_750_000, bufferBits: 5_500_000 },
      width: 1280,
      height: 720,
    },
    audio: aac,
    ...work,
  },
  {
    name: '480p_fast',
    description: 'Small preview, as fast as it gets: H.264 and AAC in MP4',
    container: 'mp4',
    video: {
      ...picture,
      codec: 'libx264',
      preset: 'superfast',
      codecProfile: 'main',
      rateControl: { mode: 'crf', crf: 25, maxrateBps: 1_200_000, bufferBits: 2_400_000 },
      width: 854,
      height: 480,
    },
    audio: { ...aac, bitrateBps: 96_000 },
    ...work,
  },
  {
    name: '4k_hevc',
    description: 'Ultra HD on an NVIDIA GPU: HEVC and AAC in MP4',
    container: 'mp4',
    video: {
      ...picture,
      codec: 'hevc_nvenc',
      preset: 'p4',
      rateControl: { mode: 'crf', crf: 23, maxrateBps: 18_000_000, bufferBits: 30_000_000 },
      width: 3840,
      height: 2160,
    },
    audio: { ...aac, bitrateBps: 320_000 },
    ...work,
  },
  {
    name: '720p_vp9',
    description: 'HD for the open web: VP9 and Opus in WebM',
    container: 'webm',
    video: {
      ...picture,
      codec: 'libvpx-vp9',
      preset: '2',
      rateControl: { mode: 'crf', crf: 30, maxrateBps: 2_000_000, bufferBits: 4_000_000 },
      width: 1280,
      height: 720,
    },
    audio: opus,
    ...work,
  },
  {
    name: '1080p_av1',
    description: 'Full HD in the fewest bytes, slowly made: 10-bit AV1 and Opus in MP4',
    container: 'mp4',
    video: {
      ...picture,
      codec: 'libaom-av1',
      preset: '4',
      rateControl: { mode: 'crf', crf: 30 },
      width: 1920,
      height: 1080,
      pixelFormat: 'yuv420p10le',
    },
    audio: opus,
    ...work,
  },
  {
    name: 'source_copy',
    description: 'The streams of the source as they are, in an MP4 that plays from the start',
    container: 'mp4',
    video: { ...picture, codec: 'copy' },
    audio: { ...aac, codec: 'copy' },
    ...work,
  },
]

/**
 * The profile of this name.
 * @throws WE-JOB-003 (path `profile`) when there is none
 */
export function findProfile(name: string, profiles: readonly Profile[] = presets): Profile {
  const found = profiles.find((profile) => profile.name === name)
  if (found !== undefined) return found
  const names = profiles.map((profile) => profile.name).join(', ')
  throw new WebEncodeError('WE-JOB-003', `Profile must be one of ${names}; found "${name}"`, {
    path: 'profile',
  })
}

/**
 * The profile as a request changes it. Settings that belong to the profile's own codec (preset, codec profile, level,
 * quality) do not carry over to another codec; its size, keyframe distance and rate caps do.
 * @throws WE-JOB-003 with the path of the override when the result cannot be encoded
 */
export function applyOverrides(profile: Profile, overrides: ProfileOverrides = {}): Profile {
  const { video, audio, ...others } = withoutUndefined(overrides)
  const changed: Profile = {
    ...profile,
    ...others,
    video: { ...inherited(profile.video, overrides.video), ...withoutUndefined(video ?? {}) },
    audio: { ...profile.audio, ...withoutUndefined(audio ?? {}) },
  }
  const complete = withRateControl(changed)
  checkProfile(complete, overrides)
  return complete
}

/** What is left of the profile's video settings when `overrides` replace some. */
function inherited(video: VideoSettings, overrides: ProfileOverrides['video'] = {}): VideoSettings {
  const { codec = video.codec, pixelFormat = video.pixelFormat } = overrides
  if (codec === 'copy') return { ...picture, codec }
  const { preset: _preset, codecProfile, level: _level, rateControl, ...shape } = video
  if (codec !== video.codec) {
    const caps = rateControl === undefined ? {} : capsOf(rateControl)
    return { ...shape, codec, rateControl: { mode: 'crf', crf: defaultCrf(codec), ...caps } }
  }
  // A codec profile names a bit depth.
  if (pixelFormat !== video.pixelFormat && codecProfile !== undefined) {
    const { codecProfile: _dropped, ...kept } = video
    return kept
  }
  return video
}

function capsOf(control: NonNullable<VideoSettings['rateControl']>) {
  const { maxrateBps, bufferBits } = control
  return {
    ...(maxrateBps !== undefined && { maxrateBps }),
    ...(bufferBits !== undefined && { bufferBits }),
  }
}

/** Every encode has a rate control, and every cap a buffer: two seconds at the maximum rate. */
function withRateControl(profile: Profile): Profile {
  const { video } = profile
  if (video.codec === 'copy') return profile
  const control = video.rateControl ?? { mode: 'crf', crf: defaultCrf(video.codec) }
  const { maxrateBps, bufferBits } = control
  const buffer = maxrateBps !== undefined && bufferBits === undefined
    ? { bufferBits: 2 * maxrateBps }
    : {}
  return { ...profile, video: { ...video, rateControl: { ...control, ...buffer } } }
}

/** `value` without the properties that are undefined, which would hide what is inherited. */
function withoutUndefined<T extends object>(
  value: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== undefined),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
