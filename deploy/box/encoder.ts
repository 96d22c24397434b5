/** Chooses the encoder of this machine: FFmpeg where it runs, FFmpeg as WebAssembly where it does not. */
import type { Config } from '../../kernel/config.ts'
import type { EncoderEngine } from '../../kernel/contract/encoder.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { detectFfmpeg } from '../../plugins/encoder-ffmpeg/detect.ts'
import { createFfmpegEncoder } from '../../plugins/encoder-ffmpeg/encoder.ts'
import { createWasmEncoder } from '../../workers/wasm/engine.ts'

/** What a person without FFmpeg should know. Measured: 30 s of 480p took 36 s in one WASM thread and 5 s native. */
export const wasmNotice =
  'FFmpeg was not found: encoding with its WebAssembly build, about seven times slower. ' +
  'Install it with: apt-get install ffmpeg'

/** @throws WE-PLG-001 when FFmpeg is demanded and does not run */
export async function chooseEncoder(
  config: Config,
  pidDirectory: string,
  log: Log,
): Promise<EncoderEngine> {
  const wasm = () => createWasmEncoder({ log, threads: config.workerSlots })
  if (config.encoder === 'wasm') return wasm()
  if (await detectFfmpeg(config.ffmpegPath) !== undefined) {
    return createFfmpegEncoder({
      ffmpegPath: config.ffmpegPath,
      ffprobePath: config.ffprobePath,
      pidDirectory,
      log,
    })
  }
  if (config.encoder === 'ffmpeg') {
    throw new WebEncodeError(
      'WE-PLG-001',
      `WEBENCODE_ENCODER is ffmpeg, and "${config.ffmpegPath}" does not run`,
    )
  }
  log.warn(wasmNotice)
  return wasm()
}
