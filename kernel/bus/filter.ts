/** Subjects and subject filters: their grammar and when they match, as NATS defines them. */

const subjectToken = /^[^\s.*>]+$/

/** @throws TypeError when `subject` is not a plain subject: tokens between dots, without spaces and wildcards. */
export function checkSubject(subject: string): void {
  if (subject.split('.').every((token) => subjectToken.test(token))) return
  throw new TypeError(
    `Bus subject must be tokens between dots without wildcards; got "${subject}"`,
  )
}

/** @throws TypeError when `filter` is not a subject whose tokens may be `*`, and the last one `>`. */
export function checkFilter(filter: string): void {
  const tokens = filter.split('.')
  const isToken = (token: string, i: number) =>
    token === '*' || subjectToken.test(token) || (token === '>' && i === tokens.length - 1)
  if (tokens.every(isToken)) return
  throw new TypeError(`Bus filter may have "*" as a token and ">" as the last; got "${filter}"`)
}

/** Whether `filter` takes `subject`: `*` stands for one token, a last `>` for one or more. */
export function isMatch(filter: string, subject: string): boolean {
  const wanted = filter.split('.')
  const given = subject.split('.')
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return given.length > i
    if (i >= given.length || (token !== '*' && token !== given[i])) return false
  }
  return wanted.length === given.length
}

/** Whether some subject is taken by both filters. */
export function isOverlap(one: string, other: string): boolean {
  const left = one.split('.')
  const right = other.split('.')
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [a, b] = [left[i], right[i]]
    if (a === '>' || b === '>') return true
    if (a !== b && a !== '*' && b !== '*') return false
  }
  return left.length === right.length
}
