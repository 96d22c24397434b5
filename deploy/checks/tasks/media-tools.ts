/** What the task checks need beside the tasks: sources made on the spot, and a look at results that shares no code with the product. */
import { execa } from 'execa'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A directory that is gone when the test file is done. */
export function createTemporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-tasks-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Runs FFmpeg and waits. @throws when it fails */
export async function ffmpeg(...args: readonly string[]): Promise<void> {
  await execa('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args])
}

/** When each frame is shown, in seconds after the first, sorted; frames that no player shows are left out. */
export async function frameTimes(file: string): Promise<readonly number[]> {
  const args = [
    '-v',
    'quiet',
    '-of',
    'json',
    '-show_streams',
    '-show_packets',
    '-select_streams',
    'v',
  ]
  const { stdout } = await execa('ffprobe', [...args, file], { maxBuffer: 1 << 28 })
  const { streams, packets = [] } = JSON.parse(stdout) as {
    streams: { index: number; time_base: string; disposition: { attached_pic: number } }[]
    packets?: { stream_index: number; pts?: number; flags: string }[]
  }
  const video = streams.find((stream) => stream.disposition.attached_pic === 0)
  const [num = 0, den = 1] = video?.time_base.split('/').map(Number) ?? []
  const own = packets.filter((packet) => packet.stream_index === video?.index)
  const ticks = (packet: { pts?: number }) => packet.pts ?? Number.NaN
  const firstKey = Math.min(...own.filter(({ flags }) => flags.startsWith('K')).map(ticks))
  const shown = own.filter((packet) => !packet.flags.includes('D') && ticks(packet) >= firstKey)
    .map(ticks).sort((a, b) => a - b)
  return shown.map((tick) => ((tick - (shown[0] ?? 0)) * num) / den)
}

/** Frames that come out of a decoder. */
export async function countDecodedFrames(file: string): Promise<number> {
  const args = ['-v', 'quiet', '-count_frames', '-select_streams', 'v:0', '-of', 'csv=p=0']
  const { stdout } = await execa('ffprobe', [
    ...args,
    '-show_entries',
    'stream=nb_read_frames',
    file,
  ])
  return Number.parseInt(stdout, 10)
}

/** Sources that are awkward in one way each, made of a plain one: name and arguments between input and output. */
export const awkwardSources: Readonly<Record<string, string>> = {
  'open-gop.ts':
    '-c:v libx264 -preset ultrafast -bf 3 -x264-params open-gop=1:keyint=48:bframes=3 -c:a copy',
  'open-gop-hevc.mp4':
    '-c:v libx265 -preset ultrafast -x265-params open-gop=1:keyint=48:log-level=error -c:a copy',
  'variable.mkv':
    '-vf select=not(mod(n\\,7))+not(mod(n\\,5)) -fps_mode vfr -c:v libx264 -preset ultrafast -c:a copy',
  'mpeg2-interlaced.ts': '-c:v mpeg2video -bf 2 -g 15 -flags +ilme+ildct -c:a mp2',
  'no-timestamps.avi': '-c:v mpeg4 -bf 2 -c:a mp3 -ac 2',
  'sparse-timestamps.mpg': '-c:v mpeg2video -c:a mp2',
  'vp9.webm': '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -ac 2',
  'ten-bit.mkv': '-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -c:a flac',
  'fragmented.mp4':
    '-c:v libx264 -preset ultrafast -g 60 -c:a copy -movflags frag_keyframe+empty_moov',
  'late-start.ts': '-c:v libx264 -preset ultrafast -g 60 -c:a copy -output_ts_offset 1000',
}

/** Makes one of {@link awkwardSources} of the first 19 s of `source`, small: 160x90. */
export async function makeAwkward(
  name: string,
  source: string,
  directory: string,
): Promise<string> {
  const file = join(directory, name)
  const args = awkwardSources[name]?.split(' ') ?? []
  const filter = args.indexOf('-vf')
  const scale = 'scale=160:90'
  if (filter >= 0) args[filter + 1] = `${scale},${args[filter + 1]}`
  await ffmpeg(
    '-t',
    '19',
    '-i',
    source,
    '-map',
    '0:v',
    '-map',
    '0:a',
    ...(filter < 0 ? ['-vf', scale] : []),
    ...args,
    file,
  )
  return file
}
