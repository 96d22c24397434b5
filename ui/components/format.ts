/** How numbers, sizes and times are written for people. */

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** A size with three digits at most, in steps of 1000: `1.21 GB`. */
export function formatBytes(sizeBytes: number): string {
  let value = Math.max(0, sizeBytes)
  let unit = 0
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${byteUnits[unit]}`
}

/** A length of time: `0.4 s`, `42 s`, `3 min 20 s`, `1 h 05 min`, `2 d 3 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${Number(Math.max(0, seconds).toFixed(1))} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** A position in a video: `1:05`, `1:02:03`; with tenths when it is not a whole second. */
export function formatTimecode(seconds: number): string {
  const tenths = Math.round(Math.max(0, seconds) * 10)
  const whole = Math.floor(tenths / 10)
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor(whole / 60) % 60
  const text = hours > 0
    ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}`
    : `${minutes}:${twoDigits(whole % 60)}`
  return tenths % 10 === 0 ? text : `${text}.${tenths % 10}`
}

/** Times real time: `2.4×`, `18×`. */
export function formatSpeed(speed: number): string {
  return `${significant(speed, 2)}×`
}

/** A bit rate: `5 Mb/s`, `128 kb/s`. */
export function formatBitrate(bps: number): string {
  return bps >= 1_000_000 ? `${significant(bps / 1e6)} Mb/s` : `${significant(bps / 1000)} kb/s`
}

/** A share of 0 to 100 without decimals; 100 only when it is complete. */
export function formatPercent(percent: number): string {
  return `${percent >= 100 ? 100 : Math.max(0, Math.floor(percent))} %`
}

/** How long ago, or how soon: `just now`, `5 min ago`, `in 3 h`. Beyond 30 days the date: `2026-01-31`. */
export function formatRelative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000)
  if (seconds < 10) return 'just now'
  if (seconds > 30 * 86_400) return new Date(at).toISOString().slice(0, 10)
  const amount = seconds < 60
    ? `${seconds} s`
    : seconds < 3600
    ? `${Math.floor(seconds / 60)} min`
    : seconds < 86_400
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`
  return at > now ? `in ${amount}` : `${amount} ago`
}

/** A count with its noun: `1 chunk`, `12 chunks`. */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

/** The file name at the end of a source URL, decoded; the whole text when there is none. */
export function nameOfSource(sourceUrl: string): string {
  const path = sourceUrl.replace(/[?#].*$/, '').replace(/\/+$/, '')
  const last = path.slice(path.lastIndexOf('/') + 1)
  if (last === '' || /^[a-z][a-z0-9+.-]*:$/i.test(last)) return sourceUrl
  try {
    return decodeURIComponent(last)
  } catch (failure) {
    if (failure instanceof URIError) return last
    throw failure
  }
}

/** Where a source came from: `Uploaded`, or its address as people write it. */
export function placeOfSource(sourceUrl: string): string {
  if (sourceUrl.startsWith('fs://uploads/')) return 'Uploaded'
  try {
    return decodeURI(sourceUrl.replace(/^file:\/\//, ''))
  } catch (failure) {
    if (failure instanceof URIError) return sourceUrl
    throw failure
  }
}

function significant(value: number, digits = 3): string {
  return String(value >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits)))
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
