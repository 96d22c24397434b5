/** A slow machine: FFmpeg behind a script that lets it read its input only so fast. */
import { execa } from 'execa'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes a program for `FFMPEG_PATH` that encodes video at most `timesRealTime` as fast as it plays. Everything else that
 * FFmpeg is asked for goes as usual.
 * @returns its path
 */
export async function writeSlowFfmpeg(directory: string, timesRealTime: number): Promise<string> {
  const { stdout: ffmpeg } = await execa('sh', ['-c', 'command -v ffmpeg'])
  const path = join(directory, `ffmpeg-${timesRealTime}`)
  writeFileSync(path, scriptOf(ffmpeg, timesRealTime), { mode: 0o755 })
  return path
}

/** `exec`, so that a signal for the script is one for FFmpeg. */
function scriptOf(ffmpeg: string, timesRealTime: number): string {
  return `#!/bin/sh
case " $* " in *" libx264 "*) ;; *) exec '${ffmpeg}' "$@" ;; esac
for argument do
  shift
  [ "$argument" = -i ] && set -- "$@" -readrate ${timesRealTime}
  set -- "$@" "$argument"
done
exec '${ffmpeg}' "$@"
`
}
