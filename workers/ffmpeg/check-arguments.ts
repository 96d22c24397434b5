/** The command lines that read a finished file again to see that it is what was made. */

/** What is read back, and how closely. */
export interface ReadBackOrder {
  readonly file: string
  readonly packetFilter?: string
  /** Where the packets of the file are listed, in the form in which they were listed when it was made. */
  readonly packetList: string
  /** Decode on the way: every frame, or every keyframe. The run fails at the first error. */
  readonly decode?: 'all' | 'keyframes'
}

/** ffmpeg: lists the packets of a file and decodes some of it, reading the file once. */
export function readBackArguments(order: ReadBackOrder): string[] {
  const { file, packetFilter, packetList, decode } = order
  return [
    '-y',
    '-copyts',
    ...(decode === undefined ? [] : strictDecoder(decode)),
    '-i',
    file,
    '-map',
    '0',
    '-c',
    'copy',
    ...(packetFilter === undefined ? [] : ['-bsf:v', packetFilter]),
    '-f',
    'framecrc',
    packetList,
    ...(decode === undefined ? [] : ['-map', '0', ...toNowhere]),
  ]
}

/** A stretch of a file. */
export interface Window {
  readonly fromSeconds: number
  readonly seconds: number
}

/** ffmpeg: lists all packets of a file and decodes stretches of it, as a player that jumps there does. */
export function inspectArguments(
  file: string,
  packetList: string,
  windows: readonly Window[],
): string[] {
  return [
    '-y',
    '-copyts',
    '-i',
    file,
    ...windows.flatMap(({ fromSeconds, seconds }) => [
      ...strictDecoder('all'),
      ...(fromSeconds > 0 ? ['-ss', fromSeconds.toFixed(3)] : []),
      '-t',
      seconds.toFixed(3),
      '-i',
      file,
    ]),
    '-map',
    '0',
    '-c',
    'copy',
    '-f',
    'framecrc',
    packetList,
    ...(windows.length === 0 ? [] : windows.flatMap((_, index) => ['-map', String(index + 1)])),
    ...(windows.length === 0 ? [] : toNowhere),
  ]
}

const toNowhere = ['-fps_mode', 'passthrough', '-f', 'null', '-']

/** The loop filter takes a sixth of the decoder's time and cannot fail, so it is left out. */
function strictDecoder(frames: 'all' | 'keyframes'): string[] {
  return [
    '-xerror',
    '-err_detect',
    'explode',
    '-threads',
    '1',
    '-skip_loop_filter',
    'all',
    ...(frames === 'keyframes' ? ['-skip_frame', 'nokey'] : []),
  ]
}
