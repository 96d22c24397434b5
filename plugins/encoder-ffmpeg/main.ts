/** FFmpeg behind the encoder pillar, as a process of its own. */
import { z } from 'zod'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createFfmpegEncoder } from './encoder.ts'

const configSchema = z.object({
  ffmpeg_path: z.string().default('ffmpeg'),
  ffprobe_path: z.string().default('ffprobe'),
  pid_directory: z.string().optional(),
})

await definePlugin({
  pillar: 'encoder',
  implement({ configOf, log, signal }) {
    const { ffmpeg_path, ffprobe_path, pid_directory } = configOf(configSchema)
    const engine = createFfmpegEncoder({
      ffmpegPath: ffmpeg_path,
      ffprobePath: ffprobe_path,
      log,
      ...(pid_directory !== undefined && { pidDirectory: pid_directory }),
    })
    // At once, not after the grace of running calls: whoever asked for them may be gone.
    signal.addEventListener('abort', () => void engine.close())
    return engine
  },
  async selfTest(engine) {
    const { videoCodecs } = await engine.getCapabilities()
    return videoCodecs.length > 0 ? [] : ['FFmpeg must have a video encoder, and has none']
  },
  close: (engine) => engine.close(),
})
