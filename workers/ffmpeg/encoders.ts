/** The table of video encoders: how each is told its preset, its rate control, its keyframes and its threads. */
import type { Profile, VideoSettings } from '../../kernel/contract/profile.ts'
import type { VideoEncoder } from '../../kernel/video-codecs.ts'

type RateControl = NonNullable<VideoSettings['rateControl']>

/** Video settings that ask for an encode, not for a copy. */
export type EncodedVideo = VideoSettings & { readonly codec: VideoEncoder }

interface EncoderRow {
  /** Preset used when the profile names none. */
  readonly preset: string
  readonly presetArguments: (preset: string) => readonly string[]
  readonly rateArguments: (control: RateControl) => readonly string[]
  /** What the encoder needs for chunks: closed GOPs, and keyframes where we ask for them only. */
  readonly chunkArguments: (
    video: EncodedVideo,
    framesPerSecond: number | undefined,
  ) => readonly string[]
  readonly threadArguments: (threads: number) => readonly string[]
  /** Bit stream filter that gives packets one form, whatever container they were in. */
  readonly packetFilter: string
  /** Tag by which players know the codec in MP4. */
  readonly mp4Tag?: string
  /** Presets at which encoding costs so much that decoding every frame once more is no cost. */
  readonly slowPresets: readonly string[] | 'all'
}

const threadsOption = (threads: number) => ['-threads', String(threads)]
const named = (preset: string) => ['-preset', preset]
const speed = (preset: string) => ['-cpu-used', preset]

/** What FFmpeg needs to know of each encoder. */
export const encoderRows: Readonly<Record<VideoEncoder, EncoderRow>> = {
  libx264: {
    preset: 'veryfast',
    presetArguments: named,
    rateArguments: (control) =>
      control.mode === 'crf'
        ? ['-crf', String(control.crf), ...capArguments(control)]
        : ['-b:v', String(control.bitrateBps), ...capArguments(control)],
    chunkArguments: () => ['-sc_threshold', '0'],
    threadArguments: threadsOption,
    packetFilter: 'h264_metadata',
    slowPresets: ['slower', 'veryslow'],
  },
  libx265: {
    preset: 'medium',
    presetArguments: named,
    rateArguments: (control) =>
      control.mode === 'crf'
        ? ['-crf', String(control.crf), ...capArguments(control)]
        : ['-b:v', String(control.bitrateBps), ...capArguments(control)],
    chunkArguments: () => ['-forced-idr', '1'],
    // x265 keeps its settings in one option, its threads among them.
    threadArguments: (threads) => [
      '-x265-params',
      'open-gop=0:scenecut=0:log-level=error' +
      (threads === 1 ? ':pools=none:frame-threads=1' : ''),
    ],
    packetFilter: 'hevc_metadata',
    mp4Tag: 'hvc1',
    slowPresets: ['fast', 'medium', 'slow', 'slower', 'veryslow'],
  },
  hevc_nvenc: {
    preset: 'p4',
    presetArguments: named,
    rateArguments: (control) =>
      control.mode === 'crf'
        ? ['-rc', 'vbr', '-cq', String(control.crf), '-b:v', '0', ...capArguments(control)]
        : ['-rc', 'vbr', '-b:v', String(control.bitrateBps), ...capArguments(control)],
    chunkArguments: () => ['-tune', 'hq', '-forced-idr', '1', '-no-scenecut', '1'],
    threadArguments: () => [],
    packetFilter: 'hevc_metadata',
    mp4Tag: 'hvc1',
    slowPresets: [],
  },
  'libvpx-vp9': {
    preset: '2',
    presetArguments: (preset) => ['-deadline', 'good', ...speed(preset)],
    rateArguments: constrainedQuality,
    chunkArguments: () => [],
    threadArguments: (threads) => ['-row-mt', '1', ...threadsOption(threads)],
    packetFilter: 'vp9_metadata',
    slowPresets: 'all',
  },
  'libaom-av1': {
    preset: '4',
    presetArguments: speed,
    rateArguments: constrainedQuality,
    chunkArguments: () => [],
    threadArguments: (threads) => ['-row-mt', '1', ...threadsOption(threads)],
    packetFilter: 'av1_metadata=td=remove',
    slowPresets: 'all',
  },
  libsvtav1: {
    preset: '8',
    presetArguments: named,
    rateArguments: (control) =>
      control.mode === 'crf'
        ? ['-crf', String(control.crf), ...capArguments(control)]
        : ['-b:v', String(control.bitrateBps), ...capArguments(control)],
    // It has no forced keyframes: its GOP is a number of frames.
    chunkArguments: (video, framesPerSecond = 25) => [
      '-g',
      String(Math.max(1, Math.round(video.gopSeconds * framesPerSecond))),
    ],
    threadArguments: (threads) => threads === 0 ? [] : ['-svtav1-params', `lp=${threads}`],
    packetFilter: 'av1_metadata=td=remove',
    slowPresets: ['0', '1', '2', '3', '4', '5', '6', '7', '8'],
  },
}

/**
 * Arguments of the video encoder of a profile, from `-c:v` to its threads.
 * @param threads - 0: the encoder's own default
 * @param framesPerSecond - average of the source, for encoders that count their GOP in frames
 */
export function videoEncoderArguments(
  video: EncodedVideo,
  threads: number,
  framesPerSecond?: number,
): readonly string[] {
  const row = encoderRows[video.codec]
  return [
    '-c:v',
    video.codec,
    ...row.presetArguments(video.preset ?? row.preset),
    ...(video.rateControl ? row.rateArguments(video.rateControl) : []),
    ...(video.codecProfile ? ['-profile:v', video.codecProfile] : []),
    ...(video.level ? ['-level:v', video.level] : []),
    '-pix_fmt',
    video.pixelFormat,
    ...row.chunkArguments(video, framesPerSecond),
    '-force_key_frames',
    `expr:gte(t,n_forced*${video.gopSeconds})`,
    ...row.threadArguments(threads),
  ]
}

/** The profile's video when it is to be encoded; undefined when it is copied. */
export function encodedVideoOf(profile: Profile): EncodedVideo | undefined {
  const { video } = profile
  return video.codec === 'copy' ? undefined : { ...video, codec: video.codec }
}

/** Whether an encode is so slow that decoding all of it to check it is cheap by comparison. */
export function isSlow(video: EncodedVideo): boolean {
  const { preset, slowPresets } = encoderRows[video.codec]
  return slowPresets === 'all' || slowPresets.includes(video.preset ?? preset)
}

function capArguments({ maxrateBps, bufferBits }: RateControl): string[] {
  if (maxrateBps === undefined) return []
  return ['-maxrate', String(maxrateBps), '-bufsize', String(bufferBits ?? 2 * maxrateBps)]
}

/** VP9 and libaom take the cap of a quality as the bit rate; 0 is none. */
function constrainedQuality(control: RateControl): string[] {
  if (control.mode === 'abr') return ['-b:v', String(control.bitrateBps), ...capArguments(control)]
  return ['-crf', String(control.crf), '-b:v', String(control.maxrateBps ?? 0)]
}
