/** Makes values into JSON that nobody can change: what cannot survive a round trip is refused, never bent. */
import type { Json } from '../../kernel/contract/json.ts'

/** Objects that this file made: plain, frozen, frozen below. They are taken over as they are. */
const known = new WeakSet<object>()

/** Deeper values are taken for circular. */
const deepest = 200

/**
 * A deeply frozen copy of `value`. Parts that were frozen here before are shared, not copied.
 * Properties that are `undefined` are left out, as JSON does.
 * @param path - names the value in the error message
 * @throws TypeError when a part is a Date, Map, class instance, function, bigint, symbol, NaN, infinite or circular
 */
export function frozenJson(value: unknown, path: string): Json {
  const copied = copy(value, 0)
  // Where exactly is found out only then, because this runs several times for every event.
  if (copied === undefined) throw new TypeError(complaint(value, path, 0))
  return copied
}

/**
 * Freezes parsed JSON as it is, without a copy. Whoever calls gives the value away.
 * @param value - fresh from `JSON.parse`, so that nothing but JSON is in it
 */
export function adoptJson(value: Json): Json {
  if (typeof value !== 'object' || value === null || known.has(value)) return value
  for (const item of Object.values(value)) adoptJson(item)
  known.add(Object.freeze(value))
  return value
}

/** Undefined when `value` is not JSON. */
function copy(value: unknown, depth: number): Json | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : undefined
    case 'object':
      return value === null ? null : copyObject(value, depth)
    default:
      return undefined
  }
}

function copyObject(value: object, depth: number): Json | undefined {
  if (known.has(value)) return value as Json
  if (depth > deepest) return undefined
  const copied = Array.isArray(value) ? copyArray(value, depth + 1) : copyRecord(value, depth + 1)
  if (copied !== undefined) known.add(Object.freeze(copied))
  return copied
}

function copyArray(value: readonly unknown[], depth: number): Json[] | undefined {
  const copies: Json[] = []
  for (const item of value) {
    const copied = copy(item, depth)
    if (copied === undefined) return undefined
    copies.push(copied)
  }
  return copies
}

function copyRecord(value: object, depth: number): { [key: string]: Json } | undefined {
  // Assigning `__proto__` would change what the copy is.
  if (!isPlain(value) || Object.hasOwn(value, '__proto__')) return undefined
  const copies: { [key: string]: Json } = {}
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key]
    if (item === undefined) continue
    const copied = copy(item, depth)
    if (copied === undefined) return undefined
    copies[key] = copied
  }
  return copies
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** What is wrong with a value that is not JSON, and where. */
function complaint(value: unknown, path: string, depth: number): string {
  const found = depth > deepest ? 'circular or nested too deeply' : kindOf(value)
  if (found !== undefined) return `${path} must survive JSON: it is ${found}`
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, i) => [`${path}[${i}]`, item])
    : Object.entries(value as object).filter(([, item]) => item !== undefined).map((
      [key, item],
    ) => [`${path}.${key}`, item])
  const wrong = entries.find(([, item]) => copy(item, depth + 1) === undefined)
  return wrong === undefined ? path : complaint(wrong[1], wrong[0], depth + 1)
}

/** Undefined for what JSON has. */
function kindOf(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `the number ${value}`
  if (typeof value !== 'object') return typeof value
  if (value === null || Array.isArray(value)) return undefined
  if (Object.hasOwn(value, '__proto__')) return 'an object with a key "__proto__"'
  if (isPlain(value)) return undefined
  return `an instance of ${value.constructor?.name ?? 'a class'}`
}
