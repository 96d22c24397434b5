/** The FFmpeg and ffprobe command lines of every task, as pure functions to `string[]`. */
import type { AudioFacts, ChunkRange } from '../../kernel/contract/media.ts'
import type { AudioSettings } from '../../kernel/contract/profile.ts'
import type { Container } from './containers.ts'
import { containerRows, timescaleArguments } from './containers.ts'

/**
 * Demuxers that a source may choose: files that hold their media themselves. Playlists, concat lists and
 * image sequences are not among them, because they name other files.
 */
const sourceFormats = [
  'mov matroska mpegts mpeg mpegvideo flv live_flv avi asf mxf ogg nut ivf rm wtv gxf dv',
  'wav w64 mp3 aac flac ac3 eac3 dts aiff caf amr ape wv gif apng',
  'h264 hevc av1 obu m4v yuv4mpegpipe',
].join(' ').replaceAll(' ', ',')

/** Only the video and its time: nothing of the source's other streams, chapters or tags. */
const videoOnly = words('-an -sn -dn -map_metadata -1 -map_chapters -1')
const sourceInput = (source: string) => ['-format_whitelist', sourceFormats, '-i', source]
const mapsOf = (streams: readonly number[]) => streams.flatMap((index) => ['-map', `0:${index}`])
const indexesOf = (tracks: readonly AudioFacts[]) => tracks.map((track) => track.streamIndex)

/** ffprobe: container and streams as JSON. */
export function probeArguments(source: string): string[] {
  return line(words('-of json -show_format -show_streams'), sourceInput(source))
}

/** ffprobe: time stamp, duration and flags of every packet of one stream, a line each. Decodes nothing. */
export function packetArguments(source: string, streamIndex: number): string[] {
  return line(
    ['-select_streams', String(streamIndex)],
    words('-show_entries packet=pts,duration,flags -of csv=p=0'),
    sourceInput(source),
  )
}

/** Where the trial of a stream lists the frame that came out. */
export function trialList(streamIndex: number): string {
  return `trial-${streamIndex}.packets`
}

/** ffmpeg: decodes the first frame of each stream. Each has its own output: FFmpeg ends one as a whole. */
export function trialArguments(source: string, streams: readonly number[]): string[] {
  return line(
    ['-y'],
    sourceInput(source),
    ...streams.map((index) =>
      line(mapsOf([index]), words('-frames:v 1 -frames:a 1 -f framecrc'), [trialList(index)])
    ),
  )
}

/** ffmpeg: a copy of the source with time stamps, for containers that have none. */
export function normalizeArguments(
  source: string,
  streams: readonly number[],
  output: string,
): string[] {
  return line(
    words('-y -fflags +genpts'),
    sourceInput(source),
    mapsOf(streams),
    words('-c copy -f matroska'),
    [output],
  )
}

/** What a chunk is made of. */
export interface ChunkOrder {
  readonly source: string
  readonly streamIndex: number
  readonly range: ChunkRange
  /** Filters of the picture, after the cut. */
  readonly filters: readonly string[]
  /** From `-c:v` on. */
  readonly encoder: readonly string[]
  readonly ticksPerSecond: number
  readonly packetFilter: string
  readonly output: string
  /** Where the encoder's packets are listed as it made them, before the file was written. */
  readonly packetList: string
}

/**
 * ffmpeg: one chunk. It seeks to a keyframe before the cut, decodes from there and cuts by whole ticks, which
 * is exact for open GOPs, edit lists and variable frame rates, where cutting by seconds is not.
 */
export function chunkArguments(order: ChunkOrder): string[] {
  const { range, ticksPerSecond } = order
  const end = range.endTick === null ? '' : `:end_pts=${range.endTick}`
  const cut = [`trim=start_pts=${range.startTick}${end}`, 'setpts=PTS-STARTPTS']
  const isWhole = range.index === 0 && range.endTick === null
  return line(
    words('-y -copyts'),
    seekArguments(range),
    // Chunks run side by side: threads of the decoder would only get in each other's way.
    isWhole ? [] : words('-threads 1'),
    sourceInput(order.source),
    mapsOf([order.streamIndex]),
    videoOnly,
    ['-vf', [...cut, ...order.filters].join(',')],
    words('-fps_mode passthrough -enc_time_base -1'),
    order.encoder,
    words('-flags +global_header -f tee'),
    [
      `[f=mp4:video_track_timescale=${ticksPerSecond}]${order.output}` +
      `|[f=framecrc:bsfs/v=${order.packetFilter}]${order.packetList}`,
    ],
  )
}

/** The time is rounded up: rounded down it would lie before its keyframe, and the seek go one further back. */
function seekArguments({ seekSeconds }: ChunkRange): string[] {
  if (seekSeconds === null) return []
  const micros = Math.ceil(seekSeconds * 1e6 - 1e-3)
  return line(words('-noaccurate_seek -seek_timestamp 1 -ss'), [(micros / 1e6).toFixed(6)])
}

/** What the audio file is made of. */
export interface AudioOrder {
  readonly source: string
  readonly tracks: readonly AudioFacts[]
  readonly settings: AudioSettings
  /** Time zero of the output, on the source's timeline. */
  readonly firstSeconds: number
  readonly output: string
  /** Where the encoder's packets are listed as it made them. */
  readonly packetList: string
  /** Where the packets of the source are listed, to know how long each track should become. */
  readonly sourceList: string
}

/** ffmpeg: every audio track, whole, in one file, each starting exactly at the first picture. */
export function audioArguments(order: AudioOrder): string[] {
  const { tracks, settings } = order
  const maps = mapsOf(indexesOf(tracks))
  return line(
    words('-y -copyts'),
    sourceInput(order.source),
    maps,
    words('-map_metadata -1 -map_chapters -1'),
    ...tracks.map(languageArguments),
    ...tracks.map((track, index) => alignArguments(track, index, order)),
    audioEncoderArguments(settings),
    words('-flags +global_header -f tee'),
    [`[f=mp4]${order.output}|[f=framecrc]${order.packetList}`],
    maps,
    words('-c copy -f framecrc'),
    [order.sourceList],
  )
}

/** What a file of copied audio is made of. */
export interface AudioCopyOrder extends Omit<AudioOrder, 'settings' | 'packetList'> {
  /** MP4, or Matroska for codecs that MP4 does not take. */
  readonly muxer: 'mp4' | 'matroska'
}

/** ffmpeg: every audio track as it is, moved to the output's time zero. */
export function audioCopyArguments(order: AudioCopyOrder): string[] {
  const { tracks } = order
  const maps = mapsOf(indexesOf(tracks))
  return line(
    words('-y -copyts'),
    sourceInput(order.source),
    maps,
    words('-map_metadata -1 -map_chapters -1'),
    ...tracks.map(languageArguments),
    words('-c copy -output_ts_offset'),
    [(-order.firstSeconds).toFixed(6), '-f', order.muxer, order.output],
    maps,
    words('-c copy -f framecrc'),
    [order.sourceList],
  )
}

function languageArguments({ language }: AudioFacts, index: number): string[] {
  return language === undefined ? [] : [`-metadata:s:a:${index}`, `language=${language}`]
}

/** `first_pts` pads or cuts so that the track starts at time zero. It counts samples of the INPUT. */
function alignArguments(track: AudioFacts, index: number, order: AudioOrder): string[] {
  const firstSample = Math.round(order.firstSeconds * track.sampleRateHz)
  const resample = `aresample=${order.settings.sampleRateHz}:async=1:first_pts=${firstSample}`
  return [`-filter:a:${index}`, `${resample},asetpts=PTS-STARTPTS`]
}

function audioEncoderArguments({ codec, bitrateBps, channels }: AudioSettings): string[] {
  return ['-c:a', codec, '-b:a', String(bitrateBps), '-ac', String(channels)]
}

/** A chunk as the list of a stitch names it. */
export interface ListedChunk {
  readonly path: string
  /** Exact seconds to the start of the next chunk; absent for the last. */
  readonly durationSeconds?: number
}

/** The text of the list: without the durations, variable frame rates would drift at every seam. */
export function concatList(chunks: readonly ListedChunk[]): string {
  const lines = chunks.flatMap(({ path, durationSeconds }) => [
    `file '${path.replaceAll("'", `'\\''`)}'`,
    ...(durationSeconds === undefined ? [] : [`duration ${durationSeconds.toFixed(6)}`]),
  ])
  return ['ffconcat version 1.0', ...lines, ''].join('\n')
}

/** What is joined into the final file. */
export interface StitchOrder {
  /** The list of chunks; absent for sound alone. */
  readonly list?: string
  readonly audio?: string
  readonly container: Container
  readonly ticksPerSecond: number
  readonly packetFilter?: string
  readonly mp4Tag?: string
  readonly output: string
  /** Where the packets that go in are listed. */
  readonly packetList: string
}

/** ffmpeg: chunks and audio into one file, by copying. */
export function stitchArguments(order: StitchOrder): string[] {
  const { list, audio, packetFilter } = order
  const audioInput = list === undefined ? 0 : 1
  const maps = line(
    list === undefined ? [] : words('-map 0:v:0'),
    audio === undefined ? [] : ['-map', `${audioInput}:a`],
  )
  return line(
    // Each input keeps its own start: without it, sound that begins late would be moved to 0.
    words('-y -copyts'),
    // Converting would put a copy of the decoder's parameters into every keyframe.
    list === undefined ? [] : [...words('-f concat -safe 0 -auto_convert 0 -i'), list],
    audio === undefined ? [] : ['-i', audio],
    maps,
    words('-c copy'),
    finalArguments(order),
    [order.output],
    maps,
    words('-c copy'),
    packetFilter === undefined ? [] : ['-bsf:v', packetFilter],
    words('-f framecrc'),
    [order.packetList],
  )
}

function finalArguments({ container, ticksPerSecond, mp4Tag, list }: StitchOrder): string[] {
  return line(
    list === undefined ? [] : timescaleArguments(container, ticksPerSecond),
    muxerArguments(container, mp4Tag),
  )
}

function muxerArguments(container: Container, mp4Tag: string | undefined): string[] {
  return line(
    container === 'mp4' ? words('-movflags +faststart') : [],
    container === 'mp4' && mp4Tag !== undefined ? ['-tag:v', mp4Tag] : [],
    ['-f', containerRows[container].muxer],
  )
}

/** What a remux takes over. */
export interface RemuxOrder {
  readonly source: string
  /** Absent for sound alone. */
  readonly videoIndex?: number
  readonly tracks: readonly AudioFacts[]
  readonly audio: AudioSettings
  readonly container: Container
  readonly mp4Tag?: string
  readonly output: string
  /** Where the packets that are copied are listed. */
  readonly packetList: string
}

/** ffmpeg: the streams of the source in another container; the video is copied, the audio copied or encoded. */
export function remuxArguments(order: RemuxOrder): string[] {
  const { videoIndex, tracks, audio, container, mp4Tag } = order
  const videoMap = videoIndex === undefined ? [] : mapsOf([videoIndex])
  const audioMaps = mapsOf(indexesOf(tracks))
  return line(
    words('-y -fflags +genpts'),
    sourceInput(order.source),
    videoMap,
    audioMaps,
    words('-c:v copy'),
    audio.codec === 'copy'
      ? words('-c:a copy')
      : [...audioEncoderArguments(audio), '-ar', String(audio.sampleRateHz)],
    muxerArguments(container, mp4Tag),
    [order.output],
    videoIndex === undefined ? audioMaps : videoMap,
    words('-c copy -f framecrc'),
    [order.packetList],
  )
}

function line(...groups: readonly (readonly string[])[]): string[] {
  return groups.flat()
}

/** Options that hold no spaces, written as one would type them. */
function words(text: string): string[] {
  return text.split(' ')
}
