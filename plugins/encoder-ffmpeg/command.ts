/** The command line of a run: FFmpeg's global options, and what its inputs may open. */
import type { EncoderRun } from '../../kernel/contract/encoder.ts'

/** A program and its arguments, ready to be started. */
export interface Command {
  readonly file: string
  readonly arguments: readonly string[]
}

/** Where the two tools are. */
export interface ToolPaths {
  readonly ffmpeg: string
  readonly ffprobe: string
}

/** Half a second is often enough for a person and cheap enough for FFmpeg. */
const progressPeriodSeconds = '0.5'

/**
 * The full command of `run`.
 * `-protocol_whitelist` belongs to one input at a time, so it is repeated before every `-i`.
 */
export function commandFrom(run: EncoderRun, paths: ToolPaths): Command {
  const protocols = protocolsFrom(run)
  if (run.tool === 'ffprobe') {
    return {
      file: paths.ffprobe,
      arguments: [
        '-hide_banner',
        '-loglevel',
        'level+warning',
        '-protocol_whitelist',
        protocols,
        ...run.arguments,
      ],
    }
  }
  return {
    file: paths.ffmpeg,
    arguments: [
      '-nostdin',
      '-hide_banner',
      '-loglevel',
      'level+warning',
      '-nostats',
      '-progress',
      'pipe:1',
      '-stats_period',
      progressPeriodSeconds,
      ...run.arguments.flatMap((argument) =>
        argument === '-i' ? ['-protocol_whitelist', protocols, argument] : [argument]
      ),
    ],
  }
}

/** Local files always; the network only for a run that asks for it, and never a protocol that joins others. */
function protocolsFrom(run: EncoderRun): string {
  return run.network ? 'file,pipe,http,https,tcp,tls' : 'file,pipe'
}

/**
 * The environment of the child: where programs are and nothing else. Messages are in English and
 * without colours, because failures are told apart by them.
 */
export function environmentFrom(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'SystemRoot']
  const entries = kept.flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(entries), LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1', SVT_LOG: '1' }
}
