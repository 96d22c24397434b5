/** Which versions of the kernel a plugin says it works with. */

/** `major`, `minor` and `patch`. */
type Version = readonly [number, number, number]

const versionPattern = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+][0-9A-Za-z.+-]+)?$/
const rangePattern = /^(\^|~|>=)?(\d{1,6})(?:\.(\d{1,6}|x|\*))?(?:\.(\d{1,6}|x|\*))?$/

/** Whether the text is a semantic version. */
export function isVersion(text: string): boolean {
  return versionPattern.test(text)
}

/** Whether the text is a range: `1.2.3`, `1.2`, `1.x`, `^1.2.0`, `~1.2.0`, `>=1.0.0` or `*`. */
export function isVersionRange(text: string): boolean {
  return text === '*' || rangePattern.test(text)
}

/** Whether the version lies in the range. A part of the range that is absent or `x` may be anything. */
export function isInRange(version: string, range: string): boolean {
  const at = parseVersion(version)
  if (range === '*') return at !== undefined
  const [, operator = '', ...parts] = rangePattern.exec(range) ?? []
  if (at === undefined || parts.length === 0) return false
  const wildcard = parts.findIndex((part) => part === undefined || !/^\d+$/.test(part))
  const fixed = wildcard === -1 ? 3 : wildcard
  const from: Version = [
    numberAt(parts, 0, fixed),
    numberAt(parts, 1, fixed),
    numberAt(parts, 2, fixed),
  ]
  if (compare(at, from) < 0) return false
  return operator === '>=' || sameParts(at, from, Math.min(fixed, keptParts(operator, from)))
}

/** How many leading parts must stay as they are: as npm has it, where 0.x versions promise less. */
function keptParts(operator: string, from: Version): number {
  if (operator === '^') return from[0] > 0 ? 1 : from[1] > 0 ? 2 : 3
  return operator === '~' ? 2 : 3
}

function parseVersion(text: string): Version | undefined {
  const parts = versionPattern.exec(text)
  return parts === null ? undefined : [Number(parts[1]), Number(parts[2]), Number(parts[3])]
}

function numberAt(parts: readonly (string | undefined)[], index: number, fixed: number): number {
  return index < fixed ? Number(parts[index]) : 0
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

function sameParts(a: Version, b: Version, count: number): boolean {
  return a.slice(0, count).every((part, index) => part === b[index])
}
