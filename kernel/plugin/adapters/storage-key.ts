/** Which keys no storage takes: said once, for every plugin. */
import { WebEncodeError } from '../../errors.ts'

/** Longest key, in bytes of UTF-8. */
const maxKeyBytes = 1024

/** @throws WE-STO-002 when the key could lead out of its bucket, or arrive as another one */
export function refuseBadKey(key: string): void {
  const fault = keyFault(key)
  if (fault === undefined) return
  const shown = JSON.stringify(key.slice(0, 100))
  throw new WebEncodeError('WE-STO-002', `Cannot use object ${shown}: its key must not ${fault}`)
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'be empty'
  if (!key.isWellFormed()) return 'hold half a character'
  if (Buffer.byteLength(key) > maxKeyBytes) return `have more than ${maxKeyBytes} bytes`
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(key)) return 'hold control characters or backslashes'
  const segments = key.split('/')
  if (segments.includes('')) return 'start or end with a slash, or have two in a row'
  return segments.some((segment) => segment === '.' || segment === '..')
    ? 'have a segment "." or ".."'
    : undefined
}
