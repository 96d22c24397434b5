/** Names of files that people see. */

/** Long enough for any title, short enough for every file system. */
const longestBase = 100

/** The name of a source with another extension, in letters that every system and URL takes. */
export function outputName(sourceName: string, extension: string): string {
  const base = sourceName.replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '_')
    .replace(/^[._]+/, '')
    .slice(0, longestBase)
  return `${base || 'video'}.${extension}`
}
