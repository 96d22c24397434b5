/** What a schema found wrong with a value, as a sentence for people. */
import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/**
 * `width must be at least 16`; without a name `Must be at least 16`.
 * @param name - what the person calls the value, such as the path of its field
 */
export function issueSentence(issue: Issue, name?: string): string {
  const rule = ruleOf(issue)
  if (rule === undefined) return name === undefined ? issue.message : `${name}: ${issue.message}`
  return name === undefined ? rule.charAt(0).toUpperCase() + rule.slice(1) : `${name} ${rule}`
}

/** What must hold; undefined where the schema says it in words of its own. */
function ruleOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'is not a known field'
    case 'invalid_type':
      // The only trace of a missing value: an issue does not carry what it was given.
      return issue.message.endsWith('received undefined')
        ? 'is missing'
        : `must be ${nouns[issue.expected] ?? `of type ${issue.expected}`}`
    case 'too_small':
      return bound(
        issue.origin,
        issue.inclusive === false ? 'more than' : 'at least',
        issue.minimum,
      )
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`
    case 'invalid_format':
      return formatRule(issue.format, issue.pattern)
    default:
      return undefined
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

const parts: Readonly<Record<string, string>> = {
  string: 'character',
  array: 'entry',
  set: 'entry',
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  const part = parts[origin]
  if (part === undefined) return `must be ${relation} ${limit}`
  return `must have ${relation} ${limit} ${Number(limit) === 1 ? part : pluralOf(part)}`
}

function pluralOf(noun: string): string {
  return noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
}

function formatRule(format: string, pattern: string | undefined): string {
  if (format === 'datetime') return 'must be a date and time such as 2026-01-31T12:00:00Z'
  if (format === 'regex' && pattern !== undefined) return `must match ${pattern}`
  return `must be a valid ${format}`
}
