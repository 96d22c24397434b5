/** The cache of objects: one fetch at a time, a limit in bytes, and nothing in use is taken away. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ObjectCache } from './object-cache.ts'

const never = new AbortController().signal

function objectOf(text: string) {
  const sha256 = createHash('sha256').update(text).digest('hex')
  return { key: text, sizeBytes: text.length, sha256 }
}

function openCache(t: TestContext, maxBytes: number) {
  const directory = mkdtempSync(join(tmpdir(), 'cache-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const fetched: string[] = []
  const open = () => {
    const cache = new ObjectCache({ directory, maxBytes })
    const take = (text: string, user = 'u1', signal = never) =>
      cache.take(objectOf(text), {
        user,
        signal,
        fetch(path) {
          fetched.push(text)
          writeFileSync(path, text)
          return Promise.resolve()
        },
      })
    return { cache, take }
  }
  const kept = () => readdirSync(directory).sort()
  const namesOf = (...texts: string[]) => texts.map((text) => objectOf(text).sha256).sort()
  return { directory, fetched, kept, namesOf, open, ...open() }
}

test('take() fetches an object once, and again when its file was changed or is gone', async (t) => {
  const { take, fetched } = openCache(t, 100)
  const path = await take('film')
  assert.equal(readFileSync(path, 'utf8'), 'film')
  assert.equal(await take('film', 'u2'), path)
  assert.deepEqual(fetched, ['film'])
  writeFileSync(path, 'fllm')
  utimesSync(path, 1, 1)
  await take('film')
  assert.equal(readFileSync(path, 'utf8'), 'film')
  rmSync(path)
  await take('film')
  assert.deepEqual(fetched, ['film', 'film', 'film'])
})

test('take() makes room by what was used longest ago, and never by what is in use', async (t) => {
  const { cache, take, kept, namesOf } = openCache(t, 10)
  await take('aaaa', 'u1')
  await take('bbbb', 'u2')
  await take('aaaa', 'u3')
  cache.release('u1')
  cache.release('u2')
  cache.release('u3')
  await take('cccc', 'u4')
  assert.deepEqual(kept(), namesOf('aaaa', 'cccc'))
  await take('dddd', 'u5')
  await take('eeee', 'u5')
  await take('ffff', 'u5')
  assert.deepEqual(kept(), namesOf('cccc', 'dddd', 'eeee', 'ffff'))
  cache.release('u5')
  assert.deepEqual(kept(), namesOf('cccc', 'ffff'))
})

test('take() lets others wait for a fetch that runs, and try themselves when it fails', async (t) => {
  const { cache, take, fetched } = openCache(t, 100)
  const first = Promise.withResolvers<void>()
  const failing = cache.take(objectOf('film'), {
    user: 'u1',
    signal: never,
    fetch: () => first.promise,
  })
  const waiting = [take('film', 'u2'), take('film', 'u3')]
  const stop = new AbortController()
  const impatient = take('film', 'u4', stop.signal)
  stop.abort(new Error('no longer wanted'))
  await assert.rejects(impatient, /no longer wanted/)
  assert.deepEqual(fetched, [])
  first.reject(new Error('the connection broke'))
  await assert.rejects(failing, /connection broke/)
  const [path] = await Promise.all(waiting)
  assert.equal(readFileSync(path ?? '', 'utf8'), 'film')
  assert.deepEqual(fetched, ['film'])
})

test('a new cache uses what a former life left whole, after looking at it', async (t) => {
  const { directory, take, open, fetched, kept, namesOf } = openCache(t, 10)
  const changed = await take('aaaa')
  await take('bbbb')
  writeFileSync(changed, 'xxxx')
  writeFileSync(join(directory, `${objectOf('cccc').sha256}.part`), 'cc')
  writeFileSync(join(directory, 'of-somebody-else'), 'x')
  const next = open()
  assert.deepEqual(kept(), [...namesOf('aaaa', 'bbbb'), 'of-somebody-else'].sort())
  await next.take('bbbb')
  await next.take('aaaa')
  assert.deepEqual(fetched, ['aaaa', 'bbbb', 'aaaa'])
  assert.equal(readFileSync(changed, 'utf8'), 'aaaa')
})

test('a new cache with a lower limit drops the oldest', async (t) => {
  const { directory, take, kept, namesOf } = openCache(t, 100)
  const old = await take('aaaa')
  await take('bbbb')
  utimesSync(old, 1, 1)
  assert.ok(new ObjectCache({ directory, maxBytes: 4 }))
  assert.deepEqual(kept(), namesOf('bbbb'))
})
