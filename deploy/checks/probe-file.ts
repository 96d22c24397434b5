/** Reads a media file with ffprobe, for the checks: frames, streams, timestamps. */
import { execa } from 'execa'

/** What a check wants to know of a file. */
export interface ProbedFile {
  readonly durationSeconds: number
  readonly videoFrames: number
  readonly audioStreams: number
  readonly width: number | undefined
  readonly height: number | undefined
  readonly codec: string | undefined
}

/** Whether FFmpeg is here; a reason to skip otherwise. */
export async function skipWithoutFfmpeg(): Promise<string | false> {
  const { failed } = await execa('ffprobe', ['-version'], { reject: false })
  return failed ? 'FFmpeg is not installed' : false
}

/** Counts what is in the file. @throws when it cannot be read as media */
export async function probeFile(path: string): Promise<ProbedFile> {
  const args = [
    '-v',
    'error',
    '-count_packets',
    '-show_format',
    '-show_streams',
    '-of',
    'json',
    path,
  ]
  const { stdout } = await execa('ffprobe', args)
  const { streams, format } = JSON.parse(stdout) as {
    streams: {
      codec_type: string
      codec_name: string
      width?: number
      height?: number
      nb_read_packets?: string
    }[]
    format: { duration: string }
  }
  const video = streams.find((stream) => stream.codec_type === 'video')
  return {
    durationSeconds: Number(format.duration),
    videoFrames: Number(video?.nb_read_packets ?? 0),
    audioStreams: streams.filter((stream) => stream.codec_type === 'audio').length,
    width: video?.width,
    height: video?.height,
    codec: video?.codec_name,
  }
}
