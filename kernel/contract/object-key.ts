/** The keys that every storage takes, and those that none does. */

const bucketPattern = /^[a-z0-9][a-z0-9.-]{0,62}$/
const maxKeyBytes = 1024

/** What is wrong with a bucket and key, as the end of a sentence; undefined when nothing is. */
export function objectKeyFault(bucket: string, key: string): string | undefined {
  if (!bucketPattern.test(bucket)) {
    return 'the bucket must be lower-case letters, digits, dots and dashes'
  }
  return keyFault(key)
}

/** What is wrong with a key, which could lead out of its bucket or arrive as another one: the end of a sentence. */
export function keyFault(key: string): string | undefined {
  if (key === '') return 'the key is empty'
  if (Buffer.byteLength(key) > maxKeyBytes) return `the key is longer than ${maxKeyBytes} bytes`
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(key)) return 'the key has a control character or backslash'
  if (!key.isWellFormed()) return 'the key is not well-formed Unicode'
  for (const segment of key.split('/')) {
    if (segment === '') return 'the key starts or ends with a slash, or has two in a row'
    if (segment === '.' || segment === '..') return 'the key has a "." or ".." segment'
  }
  return undefined
}
