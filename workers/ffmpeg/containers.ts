/** Which codecs each container takes, and how it is written. */
import type { Profile } from '../../kernel/contract/profile.ts'
import type { TimeTolerance } from './packet-checks.ts'

export type Container = Profile['container']

interface ContainerRow {
  readonly contentType: string
  readonly extension: string
  /** Names of codecs as ffprobe prints them; undefined: all that FFmpeg can copy. */
  readonly videoCodecs?: readonly string[]
  readonly audioCodecs?: readonly string[]
  readonly muxer: string
  readonly tolerance: TimeTolerance
}

/** MP4 keeps every tick. */
export const exactTimes: TimeTolerance = { clockSeconds: 0, syncSeconds: 0 }
/** Matroska counts milliseconds, and FFmpeg's muxer moves Opus by its pre-skip of 6.5 ms. */
export const matroskaTimes: TimeTolerance = { clockSeconds: 0.001, syncSeconds: 0.008 }

/** The containers of the product. */
export const containerRows: Readonly<Record<Container, ContainerRow>> = {
  mp4: {
    contentType: 'video/mp4',
    extension: 'mp4',
    muxer: 'mp4',
    tolerance: exactTimes,
    videoCodecs: ['h264', 'hevc', 'av1', 'vp9', 'mpeg4', 'mpeg2video', 'mpeg1video', 'mjpeg'],
    audioCodecs: ['aac', 'mp3', 'ac3', 'eac3', 'opus', 'alac', 'flac', 'mp2', 'dts'],
  },
  webm: {
    contentType: 'video/webm',
    extension: 'webm',
    muxer: 'webm',
    tolerance: matroskaTimes,
    videoCodecs: ['vp8', 'vp9', 'av1'],
    audioCodecs: ['opus', 'vorbis'],
  },
  mkv: {
    contentType: 'video/x-matroska',
    extension: 'mkv',
    muxer: 'matroska',
    tolerance: matroskaTimes,
  },
}

/** Whether a container takes a codec (ffprobe's name) as it is. */
export function canHold(container: Container, kind: 'video' | 'audio', codec: string): boolean {
  const row = containerRows[container]
  const codecs = kind === 'video' ? row.videoCodecs : row.audioCodecs
  return codecs === undefined || codecs.includes(codec)
}

/** The clock of the video track in MP4, so that source ticks stay whole numbers; Matroska has its own. */
export function timescaleArguments(container: Container, ticksPerSecond: number): string[] {
  return container === 'mp4' ? ['-video_track_timescale', String(ticksPerSecond)] : []
}
