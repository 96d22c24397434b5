/** What the settings of a profile mean, in words. */
import type { AudioSettings, Profile, VideoSettings } from '../../kernel/contract/profile.ts'
import { formatBitrate } from './format.ts'

const codecNames: Record<VideoSettings['codec'], string> = {
  libx264: 'H.264',
  libx265: 'H.265 (HEVC)',
  'libvpx-vp9': 'VP9',
  'libaom-av1': 'AV1 (libaom)',
  libsvtav1: 'AV1 (SVT)',
  hevc_nvenc: 'H.265 on an NVIDIA GPU',
  copy: 'Video as it is',
}

const audioNames: Record<AudioSettings['codec'], string> = {
  aac: 'AAC',
  libopus: 'Opus',
  copy: 'Audio as it is',
}

/** What containers are called. */
export const containerNames: Record<Profile['container'], string> = {
  mp4: 'MP4',
  webm: 'WebM',
  mkv: 'Matroska',
}

/** What a video encoder is called. */
export function nameOfVideoCodec(codec: VideoSettings['codec']): string {
  return codecNames[codec]
}

/** The facts of a profile, the most telling first. */
export function profileFacts(profile: Profile): (readonly [label: string, value: string])[] {
  const { video, audio } = profile
  const isCopy = video.codec === 'copy'
  return [
    ['Video', codecNames[video.codec]],
    ...(isCopy ? [] : [
      ['Picture', pictureOf(video)] as const,
      ['Quality', qualityOf(video)] as const,
      ['Preset', video.preset ?? 'default'] as const,
    ]),
    ['Audio', audioOf(audio)],
    ['Container', containerNames[profile.container]],
    ...(isCopy ? [] : [['Chunks', `${profile.chunkSeconds} s`] as const]),
  ]
}

/** What a profile is for, without what it is made of: `HD for every player, quickly made`. */
export function profileTitle({ description }: Profile): string {
  return description.split(': ')[0] ?? description
}

/** What a profile makes: `H.264 and AAC in MP4, up to 1920 × 1080, at most 5.5 Mb/s`. */
export function profileSummary(profile: Profile): string {
  const { description, video } = profile
  if (video.codec === 'copy') return 'nothing is encoded'
  const parts = description.split(': ').slice(1)
  return [...parts, pictureOf(video), capOf(video) ?? qualityOf(video)].join(', ')
}

function pictureOf({ width, height, fit }: VideoSettings): string {
  if (width === undefined && height === undefined) return 'size of the source'
  const box = `${width ?? 'any'} × ${height ?? 'any'}`
  return fit === 'pad' ? `exactly ${box}` : `up to ${box}`
}

function qualityOf({ rateControl }: VideoSettings): string {
  if (rateControl === undefined) return "the encoder's own"
  if (rateControl.mode === 'abr') {
    return `${formatBitrate(rateControl.bitrateBps)} on average`
  }
  const cap = rateControl.maxrateBps === undefined
    ? ''
    : `, at most ${formatBitrate(rateControl.maxrateBps)}`
  return `CRF ${rateControl.crf}${cap}`
}

function capOf({ rateControl }: VideoSettings): string | undefined {
  return rateControl?.mode === 'crf' && rateControl.maxrateBps !== undefined
    ? `at most ${formatBitrate(rateControl.maxrateBps)}`
    : undefined
}

function audioOf(audio: AudioSettings): string {
  if (audio.codec === 'copy') return audioNames.copy
  return `${audioNames[audio.codec]} ${formatBitrate(audio.bitrateBps)}, ${
    channelsOf(audio.channels)
  }`
}

function channelsOf(channels: number): string {
  return channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`
}
