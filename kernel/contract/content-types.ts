/** Content types by file extension. Only these are served by name: anything else could be run by a browser. */
import { extname } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/quicktime',
  '.mkv': 'video/x-matroska',
  '.webm': 'video/webm',
  '.avi': 'video/x-msvideo',
  '.flv': 'video/x-flv',
  '.wmv': 'video/x-ms-wmv',
  '.mpg': 'video/mpeg',
  '.mpeg': 'video/mpeg',
  '.ts': 'video/mp2t',
  '.m2ts': 'video/mp2t',
  '.mts': 'video/mp2t',
  '.mxf': 'application/mxf',
  '.ogv': 'video/ogg',
  '.3gp': 'video/3gpp',
  '.m4s': 'video/iso.segment',
  '.m4a': 'audio/mp4',
  '.mp3': 'audio/mpeg',
  '.aac': 'audio/aac',
  '.ac3': 'audio/ac3',
  '.eac3': 'audio/eac3',
  '.flac': 'audio/flac',
  '.wav': 'audio/wav',
  '.ogg': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.mka': 'audio/x-matroska',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.avif': 'image/avif',
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.mpd': 'application/dash+xml',
  '.vtt': 'text/vtt; charset=utf-8',
  '.srt': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.log': 'text/plain; charset=utf-8',
  '.json': 'application/json',
}

/** Video containers whose content type does not start with `video/`. */
const otherVideo = new Set(['.mxf'])

/** The content type of a file name; `application/octet-stream` when its extension is not a known harmless one. */
export function contentTypeOf(name: string): string {
  return types[extname(name).toLowerCase()] ?? 'application/octet-stream'
}

/** What kind of media a file name promises. */
export function mediaKindOf(name: string): 'video' | 'audio' | 'image' | 'other' {
  const type = contentTypeOf(name)
  if (type.startsWith('video/') || otherVideo.has(extname(name).toLowerCase())) return 'video'
  if (type.startsWith('audio/')) return 'audio'
  return type.startsWith('image/') ? 'image' : 'other'
}
