import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptJson, frozenJson } from './frozen-json.ts'

test('frozenJson() copies, and freezes at every depth', () => {
  const original = { list: [{ n: 1 }] }
  const frozen = frozenJson(original, 'x') as unknown as typeof original
  assert.deepEqual(frozen, original)
  assert.ok(
    Object.isFrozen(frozen) && Object.isFrozen(frozen.list) && Object.isFrozen(frozen.list[0]),
  )
  original.list[0]!.n = 2
  assert.equal(frozen.list[0]!.n, 1)
})

test('frozenJson() shares what it froze before', () => {
  const part = frozenJson({ n: 1 }, 'x')
  const whole = frozenJson({ part }, 'x') as { part: unknown }
  assert.equal(whole.part, part)
})

test('frozenJson() does not trust what others froze', () => {
  const inner = { n: 1 }
  const outer = Object.freeze({ inner })
  const frozen = frozenJson(outer, 'x') as { inner: { n: number } }
  inner.n = 2
  assert.equal(frozen.inner.n, 1)
})

test('frozenJson() leaves undefined properties out, as JSON does', () => {
  assert.deepEqual(Object.keys(frozenJson({ a: undefined, b: 1 }, 'x') as object), ['b'])
})

test('adoptJson() freezes at every depth, in place', () => {
  const parsed = JSON.parse('{"list":[{"n":1}]}')
  assert.equal(adoptJson(parsed), parsed)
  assert.throws(() => parsed.list[0].n = 2, TypeError)
  assert.equal(frozenJson(parsed, 'x'), parsed)
})

const circular: { self?: unknown } = {}
circular.self = circular
for (
  const [found, value] of [
    ['an instance of Date', { at: new Date(0) }],
    ['an instance of Map', { at: new Map() }],
    ['an instance of Error', { at: new Error('x') }],
    ['function', { at: () => 1 }],
    ['bigint', { at: 1n }],
    ['symbol', { at: Symbol('x') }],
    ['undefined', { at: [undefined] }],
    ['the number NaN', { at: NaN }],
    ['the number Infinity', { at: [Infinity] }],
    ['circular or nested too deeply', circular],
    ['an object with a key "__proto__"', JSON.parse('{"at":{"__proto__":{"admin":true}}}')],
  ] as const
) {
  test(`frozenJson() refuses ${found}, and says where`, () => {
    assert.throws(
      () => frozenJson(value, 'context'),
      (failure: Error) =>
        failure instanceof TypeError && failure.message.startsWith('context.') &&
        failure.message.endsWith(found),
    )
  })
}
