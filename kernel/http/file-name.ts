/** Names of uploaded files, made safe for keys, URLs and command lines. */

const longestName = 100

/**
 * The last part of a path as ASCII letters, digits, dots, dashes and underscores; never hidden, never empty. The
 * extension survives shortening.
 */
export function safeFileName(given: string): string {
  const base = given.split(/[/\\]/).at(-1) ?? ''
  const ascii = base.normalize('NFKD').replaceAll(/[^A-Za-z0-9._-]+/g, '_')
  const extension = /[^.]+(\.[A-Za-z0-9]{1,15})$/.exec(ascii)?.[1] ?? ''
  const rest = ascii.slice(0, ascii.length - extension.length)
  const stem = rest.replace(/^[._-]+/, '').replace(/[._-]+$/, '')
  return (stem === '' ? 'upload' : stem.slice(0, longestName - extension.length)) + extension
}
