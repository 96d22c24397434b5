/** Tests of issue-words.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { issueSentence } from './issue-words.ts'

function sentenceOf(schema: z.ZodType, value: unknown, name?: string): string {
  const [issue] = schema.safeParse(value).error?.issues ?? []
  return issue === undefined ? assert.fail('the value is valid') : issueSentence(issue, name)
}

test('issueSentence() says what must hold', () => {
  const cases: [z.ZodType, unknown, string][] = [
    [z.string(), undefined, 'f is missing'],
    [z.string(), 7, 'f must be text'],
    [z.coerce.number(), 'abc', 'f must be a number'],
    [z.int(), 1.5, 'f must be a whole number'],
    [z.strictObject({}), [], 'f must be an object'],
    [z.number().min(16), 1, 'f must be at least 16'],
    [z.number().positive(), 0, 'f must be more than 0'],
    [z.number().max(100), 999, 'f must be at most 100'],
    [z.string().min(1), '', 'f must have at least 1 character'],
    [z.string().max(3), 'long', 'f must have at most 3 characters'],
    [z.array(z.string()).max(2), ['a', 'b', 'c'], 'f must have at most 2 entries'],
    [z.enum(['asc', 'desc']), 'up', 'f must be one of asc, desc'],
    [z.literal('a'), 'b', 'f must be a'],
    [z.string().regex(/^a$/), 'b', 'f must match /^a$/'],
    [
      z.iso.datetime({ offset: true }),
      'soon',
      'f must be a date and time such as 2026-01-31T12:00:00Z',
    ],
    [z.strictObject({}), { x: 1 }, 'f is not a known field'],
    [z.email(), 'x', 'f must be a valid email'],
  ]
  for (const [schema, value, expected] of cases) {
    assert.equal(sentenceOf(schema, value, 'f'), expected)
  }
})

test('issueSentence() keeps the words that a schema has of its own, and begins a sentence without a name', () => {
  const own = z.string().refine(() => false, { message: 'Too odd' })
  assert.equal(sentenceOf(own, 'a', 'f'), 'f: Too odd')
  assert.equal(sentenceOf(own, 'a'), 'Too odd')
  assert.equal(sentenceOf(z.number().min(16), 1), 'Must be at least 16')
})
