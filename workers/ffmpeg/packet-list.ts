/** Reads packet lists: what ffprobe says of a source's packets, and what `framecrc` says of ours. */

/** Seconds per tick as a fraction. */
export interface TimeBase {
  readonly num: number
  readonly den: number
}

/** One packet of a source. */
export interface SourcePacket {
  /** Absent where the container has no time stamps. */
  readonly pts?: number
  /** In ticks; absent or 0 when it is not known. */
  readonly duration?: number
  readonly isKey: boolean
  /** Decoded but not shown: an edit list cuts it off. */
  readonly isDiscarded: boolean
}

/** One packet that we made, in ticks of its track. */
export interface MadePacket {
  readonly dts: number
  readonly pts: number
  readonly duration: number
  readonly sizeBytes: number
  /** Adler-32 of its bytes. */
  readonly checksum: string
}

/** One track of a list, its packets in file order. */
export interface PacketTrack {
  readonly timeBase: TimeBase
  readonly type: string
  readonly packets: readonly MadePacket[]
}

/** Parses `pts,duration,flags` lines. Lines of side data and empty ones are passed over. */
export function parseSourcePackets(text: string): SourcePacket[] {
  const packets: SourcePacket[] = []
  for (const line of text.split('\n')) {
    const [pts, duration, flags] = line.split(',')
    if (flags === undefined) continue
    packets.push({
      ...ticks('pts', pts),
      ...ticks('duration', duration),
      isKey: flags.startsWith('K'),
      isDiscarded: flags.includes('D'),
    })
  }
  return packets
}

function ticks<Name extends string>(name: Name, text = ''): { readonly [key in Name]?: number } {
  return /^-?\d+$/.test(text) ? { [name]: Number(text) } as { [key in Name]: number } : {}
}

/**
 * Parses the text of FFmpeg's `framecrc` muxer: `#key stream: value` lines, then one line per packet.
 * @returns tracks in the order of their streams; one without packets is there, and empty
 */
export function parsePacketList(text: string): PacketTrack[] {
  const tracks: { timeBase: TimeBase; type: string; packets: MadePacket[] }[] = []
  const trackOf = (stream: string) =>
    tracks[Number(stream)] ??= { timeBase: { num: 1, den: 1 }, type: '', packets: [] }
  for (const line of text.split('\n')) {
    const header = /^#(tb|media_type) (\d+): (.+)$/.exec(line)
    if (header) {
      const [, key, stream = '', value = ''] = header
      if (key === 'tb') trackOf(stream).timeBase = timeBaseFrom(value)
      else trackOf(stream).type = value
    } else if (line !== '' && !line.startsWith('#')) {
      const [stream = '', dts, pts, duration, size, checksum = ''] = line.split(',')
      trackOf(stream.trim()).packets.push({
        dts: Number(dts),
        pts: Number(pts),
        duration: Number(duration),
        sizeBytes: Number(size),
        checksum: checksum.trim(),
      })
    }
  }
  return tracks
}

/** `1/90000` as a fraction. @throws RangeError when it is none */
export function timeBaseFrom(text: string): TimeBase {
  const [num = NaN, den = NaN] = text.split('/').map(Number)
  if (num > 0 && den > 0) return { num, den }
  throw new RangeError(`A time base must be a positive fraction, found "${text}"`)
}

/** Ticks as seconds. */
export function secondsFrom(tickCount: number, { num, den }: TimeBase): number {
  return (tickCount * num) / den
}

/** Where a track ends: the latest end of a packet, in seconds. 0 for an empty one. */
export function endSecondsOf({ packets, timeBase }: PacketTrack): number {
  let end = 0
  for (const { pts, duration } of packets) end = Math.max(end, pts + duration)
  return secondsFrom(end, timeBase)
}

/** When the first frame of a track is shown, in seconds; 0 for an empty or missing one. */
export function startSecondsOf(track: PacketTrack | undefined): number {
  let start = Infinity
  for (const { pts } of track?.packets ?? []) start = Math.min(start, pts)
  return track && Number.isFinite(start) ? secondsFrom(start, track.timeBase) : 0
}
