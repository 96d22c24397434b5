/** What each video encoder accepts: containers, presets, codec profiles and the scale of its quality. */
import type { Profile, VideoSettings } from './contract/profile.ts'

/** A software or hardware encoder: everything but `copy`. */
export type VideoEncoder = Exclude<VideoSettings['codec'], 'copy'>

interface EncoderFacts {
  /** What it makes: several encoders may make the same. */
  readonly family: string
  readonly containers: readonly Profile['container'][]
  readonly presets: readonly string[]
  /** Codec profiles for 8-bit and for 10-bit pictures. */
  readonly profiles: {
    readonly yuv420p: readonly string[]
    readonly yuv420p10le: readonly string[]
  }
  /** Largest value of the quality scale. */
  readonly maxCrf: number
  /** Quality that a viewer finds good, in the encoder's own scale. */
  readonly defaultCrf: number
}

const everywhere = ['mp4', 'webm', 'mkv'] as const
const notInWebm = ['mp4', 'mkv'] as const
const namedPresets = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
  'veryslow',
]
const hevcProfiles = { yuv420p: ['main'], yuv420p10le: ['main10'] }
const speeds = (last: number) => Array.from({ length: last + 1 }, (_, speed) => String(speed))

/** Presets of VP9 and AV1 are speeds: a higher number is faster. */
export const videoEncoders: Readonly<Record<VideoEncoder, EncoderFacts>> = {
  libx264: {
    family: 'h264',
    containers: notInWebm,
    presets: namedPresets,
    profiles: { yuv420p: ['baseline', 'main', 'high'], yuv420p10le: ['high10'] },
    maxCrf: 51,
    defaultCrf: 23,
  },
  libx265: {
    family: 'hevc',
    containers: notInWebm,
    presets: namedPresets,
    profiles: hevcProfiles,
    maxCrf: 51,
    defaultCrf: 26,
  },
  hevc_nvenc: {
    family: 'hevc',
    containers: notInWebm,
    presets: ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'],
    profiles: hevcProfiles,
    maxCrf: 51,
    defaultCrf: 23,
  },
  'libvpx-vp9': {
    family: 'vp9',
    containers: everywhere,
    presets: speeds(8),
    profiles: { yuv420p: ['0'], yuv420p10le: ['2'] },
    maxCrf: 63,
    defaultCrf: 30,
  },
  'libaom-av1': {
    family: 'av1',
    containers: everywhere,
    presets: speeds(8),
    profiles: { yuv420p: ['main'], yuv420p10le: ['main'] },
    maxCrf: 63,
    defaultCrf: 30,
  },
  libsvtav1: {
    family: 'av1',
    containers: everywhere,
    presets: speeds(13),
    profiles: { yuv420p: ['main'], yuv420p10le: ['main'] },
    maxCrf: 63,
    defaultCrf: 32,
  },
}

/** What an encoder makes (`h264` for `libx264`), as rules may name it; undefined for one that no profile names. */
export function familyOf(encoder: string): string | undefined {
  return Object.entries(videoEncoders).find(([name]) => name === encoder)?.[1].family
}

/** The encoders that a manifest means: it may name one, or what several make (`h264` for `libx264`). */
export function encodersOf(name: string): string[] {
  const makers = Object.entries(videoEncoders).filter(([, { family }]) => family === name)
  return [name, ...makers.map(([encoder]) => encoder)]
}

/** The quality of an encode that nobody asked a special quality of. */
export function defaultCrf(encoder: VideoEncoder): number {
  return videoEncoders[encoder].defaultCrf
}

/** The software encoder that stands in for a GPU's, with a preset of like patience (specification, encoder selection matrix). */
const standIns = { hevc_nvenc: { codec: 'libx265', preset: 'fast', crf: 26 } } as const

/** Whether the codec needs a GPU. */
export function needsGpu(codec: string): codec is keyof typeof standIns {
  return codec in standIns
}

/** The same picture by software, for a fleet without the GPU. */
export function softwareVideo(video: VideoSettings): VideoSettings {
  if (!needsGpu(video.codec)) return video
  const { codec, preset, crf } = standIns[video.codec]
  const { rateControl } = video
  return {
    ...video,
    codec,
    preset,
    ...(rateControl?.mode === 'crf' ? { rateControl: { ...rateControl, crf } } : {}),
  }
}
