/** FFmpeg behind the encoder pillar, as a process of its own. */
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createFfmpegEncoder } from './encoder.ts'

/** The kernel has checked it against the manifest's schema; a library that does so again would double this process. */
interface Config {
  readonly ffmpeg_path?: string
  readonly ffprobe_path?: string
  readonly pid_directory?: string
}

await definePlugin({
  pillar: 'encoder',
  implement({ config, log, signal }) {
    const { ffmpeg_path, ffprobe_path, pid_directory } = config as Config
    const engine = createFfmpegEncoder({
      log,
      ...(ffmpeg_path !== undefined && { ffmpegPath: ffmpeg_path }),
      ...(ffprobe_path !== undefined && { ffprobePath: ffprobe_path }),
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
