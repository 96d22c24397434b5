/** Reads ffprobe's JSON report into facts about a source. */
import { z } from 'zod'
import type { AudioFacts, SourceFacts, VideoFacts } from '../../kernel/contract/media.ts'
import { timeBaseFrom } from './packet-list.ts'
import type { TimeBase } from './packet-list.ts'

const streamSchema = z.looseObject({
  index: z.int(),
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  pix_fmt: z.string().optional(),
  sample_fmt: z.string().optional(),
  sample_rate: z.string().optional(),
  channels: z.int().optional(),
  time_base: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  color_transfer: z.string().optional(),
  nb_frames: z.string().optional(),
  disposition: z.looseObject({
    default: z.int().optional(),
    attached_pic: z.int().optional(),
  }).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  side_data_list: z.array(z.looseObject({ rotation: z.number().optional() })).optional(),
})
const reportSchema = z.looseObject({
  streams: z.array(streamSchema).default([]),
  format: z.looseObject({
    format_name: z.string().default(''),
    duration: z.string().optional(),
    size: z.string().optional(),
  }).default({ format_name: '' }),
})

type Stream = z.infer<typeof streamSchema>

/** What ffprobe says of a source. */
export interface ProbeReport {
  readonly facts: SourceFacts
  /** Of the video, or of the first audio track when there is none. */
  readonly timeBase: TimeBase
  /** Packets of the video that the container's index announces; undefined when it has none. */
  readonly announcedFrames?: number
  /** Streams that cannot be used, each a sentence. */
  readonly warnings: readonly string[]
}

/**
 * The facts of a report. The video is the default one that is not an attached picture; sizes are those
 * displayed, after rotation.
 * @throws SyntaxError or ZodError when the text is not a report
 */
export function parseProbeReport(text: string): ProbeReport {
  const { streams, format } = reportSchema.parse(JSON.parse(text))
  const video = chooseVideo(streams)
  const sound = streams.filter((stream) => stream.codec_type === 'audio')
  const main = video ?? sound.find(isDecodable)
  const announcedFrames = numberFrom(video?.nb_frames)
  const sizeBytes = numberFrom(format.size)
  return {
    timeBase: timeBaseFrom(main?.time_base ?? '1/1'),
    facts: {
      format: format.format_name,
      durationSeconds: Math.max(0, numberFrom(format.duration) ?? 0),
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(video !== undefined && { video: videoFactsFrom(video) }),
      audio: sound.filter(isDecodable).map(audioFactsFrom),
    },
    ...(announcedFrames !== undefined && { announcedFrames }),
    warnings: sound.filter((stream) => !isDecodable(stream)).map((stream) =>
      `Audio track ${stream.index} (${
        stream.codec_name ?? 'unknown codec'
      }) cannot be decoded and was left out.`
    ),
  }
}

function chooseVideo(streams: readonly Stream[]): Stream | undefined {
  const pictures = streams.filter((stream) =>
    stream.codec_type === 'video' && stream.disposition?.attached_pic !== 1 &&
    (stream.width ?? 0) > 0 && (stream.height ?? 0) > 0 && stream.codec_name !== undefined
  )
  return pictures.find((stream) => stream.disposition?.default === 1) ?? pictures[0]
}

function videoFactsFrom(stream: Stream): VideoFacts {
  const rotation = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0
  const isTurned = Math.abs(Math.round(rotation / 90)) % 2 === 1
  const { width = 1, height = 1 } = stream
  const averageFps = rateFrom(stream.avg_frame_rate)
  return {
    streamIndex: stream.index,
    codec: stream.codec_name ?? '',
    width: isTurned ? height : width,
    height: isTurned ? width : height,
    ...(stream.pix_fmt !== undefined && { pixelFormat: stream.pix_fmt }),
    rotation,
    timeBase: timeBaseFrom(stream.time_base ?? ''),
    ...(averageFps !== undefined && { averageFps }),
    isHdr: isHdr(stream),
  }
}

/** Some 8-bit files carry an HDR tag by mistake. */
function isHdr({ color_transfer = '', pix_fmt = '' }: Stream): boolean {
  return /^(smpte2084|arib-std-b67)$/.test(color_transfer) && /1[0-6](le|be)$/.test(pix_fmt)
}

/** ffprobe names a sample format only when it found a decoder and could open it. */
function isDecodable({ sample_fmt, sample_rate, channels = 0 }: Stream): boolean {
  return sample_fmt !== undefined && sample_fmt !== 'unknown' && Number(sample_rate) > 0 &&
    channels > 0
}

function audioFactsFrom(stream: Stream): AudioFacts {
  const language = stream.tags?.['language']
  const isKnown = language !== undefined && language !== 'und' && /^[A-Za-z-]{2,16}$/.test(language)
  return {
    streamIndex: stream.index,
    codec: stream.codec_name ?? '',
    sampleRateHz: Number(stream.sample_rate),
    channels: stream.channels ?? 1,
    ...(isKnown && { language }),
  }
}

function rateFrom(text = ''): number | undefined {
  const [num = NaN, den = NaN] = text.split('/').map(Number)
  return num > 0 && den > 0 ? num / den : undefined
}

function numberFrom(text: string | undefined): number | undefined {
  const value = text === undefined ? NaN : Number(text)
  return Number.isFinite(value) ? value : undefined
}
