/** A world without clock and chance, for as long as a machine is tried. */

/**
 * Runs `work` while the usual sources of time and chance throw. Synchronous; everything is put back afterwards.
 * @throws TypeError naming the source that `work` used
 */
export function withoutClockAndChance<T>(work: () => T): T {
  const restores = [
    forbid(Date, 'now', 'Date.now()'),
    forbid(Math, 'random', 'Math.random()'),
    forbid(performance, 'now', 'performance.now()'),
    forbid(crypto, 'randomUUID', 'crypto.randomUUID()'),
    forbid(crypto, 'getRandomValues', 'crypto.getRandomValues()'),
    forbidNewDate(),
  ]
  try {
    return work()
  } finally {
    for (const restore of restores) restore()
  }
}

function forbid(owner: object, key: string, name: string): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, key)
  Object.defineProperty(owner, key, {
    configurable: true,
    writable: true,
    value: () => refuse(name),
  })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, key)
    else Object.defineProperty(owner, key, own)
  }
}

function forbidNewDate(): () => void {
  const original = globalThis.Date
  globalThis.Date = new Proxy(original, {
    construct: (target, values: []) =>
      values.length === 0 ? refuse('new Date()') : new target(...values),
    apply: () => refuse('Date()'),
  })
  return () => {
    globalThis.Date = original
  }
}

function refuse(name: string): never {
  throw new TypeError(`a machine must not use ${name}: let the event carry the value`)
}
