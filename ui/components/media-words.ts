/** What containers, codecs and channels are called by people. */

/** Containers, by the first name that FFmpeg gives them. */
const formatNames: Readonly<Record<string, string>> = {
  mov: 'MP4 or QuickTime',
  matroska: 'Matroska or WebM',
  mpegts: 'MPEG-TS',
  mpeg: 'MPEG-PS',
  flv: 'Flash video',
}

/** Codecs whose names are more than their letters in capitals. */
const codecNames: Readonly<Record<string, string>> = {
  h264: 'H.264',
  hevc: 'H.265 (HEVC)',
  mpeg1video: 'MPEG-1',
  mpeg2video: 'MPEG-2',
  mpeg4: 'MPEG-4',
  prores: 'ProRes',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
  opus: 'Opus',
  vorbis: 'Vorbis',
}

/** `MP4 or QuickTime` of `mov,mp4,m4a`. */
export function nameOfFormat(format: string): string {
  const [first = format] = format.split(',')
  return formatNames[first] ?? first.toUpperCase()
}

/** `H.264` of `h264`. */
export function nameOfCodec(codec: string): string {
  return codecNames[codec] ?? codec.replace(/^pcm_.*/, 'pcm').toUpperCase()
}

/** `mono`, `stereo`, `6 channels`. */
export function nameOfChannels(channels: number): string {
  return channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`
}
