/** Sealed secrets: what is on the disk gives nothing away, and no moment of a crash loses one. */
import assert from 'node:assert/strict'
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import { createSealingKey, seal, unseal } from './seal.ts'
import { createSealedStore } from './sealed.ts'
import type { SecretStore } from './store.ts'

let folder: string
let store: SecretStore
const clock = { now: () => Date.parse('2026-03-01T12:00:00Z') }
const storeIn = (directory: string) =>
  createSealedStore({
    file: join(directory, 'sealed.json'),
    keyFile: join(directory, 'key'),
    clock,
  })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webencode-secrets-'))
  store = storeIn(folder)
})
afterEach(() => rm(folder, { recursive: true }))

const textOf = (name: string) => readFile(join(folder, name), 'utf8')

test('resolve() answers what put() kept, also in another process', async () => {
  await store.put('secret/webencode/s3/access_key', 'planted ☃ secret')
  await store.put('constructor', 'x')
  assert.equal(await storeIn(folder).resolve('secret/webencode/s3/access_key'), 'planted ☃ secret')
  assert.deepEqual(await store.list(), [
    { name: 'constructor', updatedAt: '2026-03-01T12:00:00.000Z' },
    { name: 'secret/webencode/s3/access_key', updatedAt: '2026-03-01T12:00:00.000Z' },
  ])
  await store.put('constructor', 'y')
  assert.equal(await store.resolve('constructor'), 'y')
  await store.remove('constructor')
  for (const gone of ['constructor', 'toString', '__proto__']) {
    await assert.rejects(store.resolve(gone), { code: 'WE-PLG-003', message: /There is no secret/ })
  }
  await assert.rejects(store.remove('gone'), { code: 'WE-PLG-003' })
})

test('both files are for their owner alone, and the values are not readable in them', async () => {
  await store.put('a', 'planted-secret')
  for (const name of ['sealed.json', 'key']) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name)
    assert.doesNotMatch(await textOf(name), /planted/)
  }
  assert.deepEqual((await readdir(folder)).sort(), ['key', 'sealed.json'], 'no draft is left')
})

test('the same value is never sealed alike', async () => {
  const key = createSealingKey()
  const [one, two] = [seal(key, 'a', 'v', ''), seal(key, 'a', 'v', '')]
  assert.notEqual(one.nonce, two.nonce)
  assert.notEqual(one.sealed, two.sealed)
  assert.equal(unseal(key, 'a', one), 'v')
})

test('a value that was moved or changed does not open, and the failure does not tell it', async () => {
  await store.put('a', 'planted-secret')
  await store.put('b', 'other')
  const file = JSON.parse(await textOf('sealed.json'))
  file.values.b = file.values.a
  await writeFile(join(folder, 'sealed.json'), JSON.stringify(file))
  await assert.rejects(store.resolve('b'), {
    code: 'WE-PLG-003',
    message:
      'Cannot open the secret "b": its sealed value must be as this program wrote it, and it was changed',
  })
  file.values.a.sealed = 'AAAA'
  await writeFile(join(folder, 'sealed.json'), JSON.stringify(file))
  await assert.rejects(store.resolve('a'), /Cannot open the secret "a"/)
  await writeFile(join(folder, 'sealed.json'), '{')
  await assert.rejects(store.resolve('a'), /must hold sealed secrets/)
})

test('a wrong, a missing, a readable and a damaged key file are told apart', async () => {
  await store.put('a', 'planted-secret')
  const keyFile = join(folder, 'key')
  const right = await textOf('key')
  await writeKeyFile(keyFile, [createSealingKey()])
  await assert.rejects(
    store.resolve('a'),
    /it was sealed with the key [0-9a-f]{16}, and .* holds [0-9a-f]{16}$/,
  )
  await assert.rejects(store.rotate(), /it was sealed with the key/)
  await rm(keyFile)
  await assert.rejects(store.resolve('a'), /need the key file .*, and it is not there/)
  await assert.rejects(store.put('b', 'x'), /and it is not there/)
  await writeFile(keyFile, right, { mode: 0o600 })
  await chmod(keyFile, 0o644)
  await assert.rejects(
    store.resolve('a'),
    /must be readable by its owner alone \(0600\), found 0644/,
  )
  await chmod(keyFile, 0o600)
  await writeFile(keyFile, right.slice(0, 20))
  await assert.rejects(store.resolve('a'), (failure: Error) => {
    assert.match(failure.message, /must hold the keys/)
    assert.equal(failure.cause, undefined)
    return true
  })
})

test('put() refuses names and values that cannot be kept, without telling the value', async () => {
  for (
    const name of [
      '',
      '/a',
      'a//b',
      '../a',
      'a/..',
      '.a',
      'a b',
      'a\0',
      '__proto__',
      'x'.repeat(201),
    ]
  ) {
    await assert.rejects(store.put(name, 'planted-secret'), (failure: Error) => {
      assert.match(failure.message, /The name of a secret must be/)
      assert.doesNotMatch(failure.message, /planted/)
      return true
    })
  }
  await assert.rejects(store.put('a', ''), /must have 1 to 65536 characters, found 0/)
  await assert.rejects(store.put('a', 'x'.repeat(65_537)), /found 65537/)
})

test('changes at the same time are all kept', async () => {
  await Promise.all(Array.from({ length: 30 }, (_, i) => store.put(`s${i}`, `v${i}`)))
  assert.equal((await store.list()).length, 30)
  for (let i = 0; i < 30; i++) assert.equal(await store.resolve(`s${i}`), `v${i}`)
})

test('rotate() seals all under a new key, and the old one opens nothing more', async () => {
  await store.put('a', 'one')
  await store.put('b', 'two')
  const [old] = await readKeyFile(join(folder, 'key')) ?? []
  const sealedBefore = JSON.parse(await textOf('sealed.json'))
  await store.rotate()
  const keys = await readKeyFile(join(folder, 'key')) ?? []
  assert.equal(keys.length, 1)
  assert.notEqual(keys[0]?.id, old?.id)
  assert.equal(await store.resolve('a'), 'one')
  const sealed = JSON.parse(await textOf('sealed.json'))
  assert.notEqual(sealed.values.a.sealed, sealedBefore.values.a.sealed)
  assert.ok(old && unseal(old, 'a', sealed.values.a) === undefined)
})

test('resolve() works all through rotations', async () => {
  await store.put('a', 'one')
  const asked = Array.from({ length: 5 }, () => [store.rotate(), store.resolve('a')]).flat()
  const answers = await Promise.all(asked)
  assert.deepEqual(answers.filter((answer) => answer !== undefined), Array(5).fill('one'))
})

test('a rotation that was killed after any of its steps loses nothing, and the next change finishes it', async () => {
  await store.put('a', 'one')
  await store.put('b', 'two')
  const before = await readKeyFile(join(folder, 'key')) ?? []
  const old = join(folder, 'old')
  await cp(join(folder, 'sealed.json'), join(old, 'sealed.json'))
  await store.rotate()
  const after = await readKeyFile(join(folder, 'key')) ?? []
  // Each step is one rename, so what a kill leaves is one of these.
  const steps = [
    { sealed: join(old, 'sealed.json'), keys: [...after, ...before] },
    { sealed: join(folder, 'sealed.json'), keys: [...after, ...before] },
    { sealed: join(folder, 'sealed.json'), keys: after },
  ]
  for (const [i, { sealed, keys }] of steps.entries()) {
    const left = join(folder, `left-${i}`)
    await cp(sealed, join(left, 'sealed.json'))
    await writeKeyFile(join(left, 'key'), keys)
    const again = storeIn(left)
    assert.equal(await again.resolve('a'), 'one')
    await again.put('c', 'three')
    assert.deepEqual([await again.resolve('a'), await again.resolve('b')], ['one', 'two'])
    assert.equal((await readKeyFile(join(left, 'key')))?.length, 1, 'the old key is gone')
    await again.rotate()
    assert.deepEqual([await again.resolve('b'), await again.resolve('c')], ['two', 'three'])
  }
})
