/** Makes values into JSON that nobody can change: what cannot survive a round trip is refused, never bent. */
import type { Json } from '../../kernel/contract/json.ts'

/** Objects that this file made: plain, frozen, frozen below. They are taken over as they are. */
const known = new WeakSet<object>()

/**
 * A deeply frozen copy of `value`. Parts that were frozen here before are shared, not copied.
 * Properties that are `undefined` are left out, as JSON does.
 * @param path - names the value in the error message
 * @throws TypeError when a part is a Date, Map, class instance, function, bigint, symbol, NaN, infinite or circular
 */
export function frozenJson(value: unknown, path: string): Json {
  return copy(value, path, 0)
}

/** Deeper values are taken for circular. */
const deepest = 200

function copy(value: unknown, path: string, depth: number): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value)) return value
      return refuse(path, `the number ${value}`)
    case 'object':
      return value === null ? null : copyObject(value, path, depth)
    default:
      return refuse(path, typeof value)
  }
}

function copyObject(value: object, path: string, depth: number): Json {
  if (known.has(value)) return value as Json
  if (depth > deepest) return refuse(path, 'circular or nested too deeply')
  const result = Array.isArray(value)
    ? value.map((item, index) => copy(item, `${path}[${index}]`, depth + 1))
    : copyRecord(value, path, depth)
  known.add(Object.freeze(result))
  return result
}

function copyRecord(value: object, path: string, depth: number): { readonly [key: string]: Json } {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    return refuse(path, `an instance of ${value.constructor?.name ?? 'a class'}`)
  }
  const result: { [key: string]: Json } = {}
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) result[key] = copy(item, `${path}.${key}`, depth + 1)
  }
  return result
}

function refuse(path: string, found: string): never {
  throw new TypeError(`${path} must survive JSON: it is ${found}`)
}
