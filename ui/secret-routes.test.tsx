/** The page of secrets over a real store: names come out, values only go in. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { Hono } from 'hono'
import { WebEncodeError } from '../kernel/errors.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { statusOf } from '../kernel/http/problem.ts'
import { createSealedStore } from '../kernel/plugin/secrets/sealed.ts'
import type { SecretStore } from '../kernel/plugin/secrets/store.ts'
import { writeAssets } from './assets.fixture.ts'
import { loadAssets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { fixtureNow } from './fixtures.ts'
import { secretPageRoutes } from './secret-routes.tsx'

const planted = 'planted-secret-4c1e'
const name = 'secret/webencode/s3/access_key'
const directory = writeAssets()
after(() => rmSync(directory, { recursive: true }))

const clock = { now: () => fixtureNow }
let store: SecretStore
let answers: string[] = []
let audited: unknown[] = []
let count = 0
beforeEach(() => {
  const folder = join(directory, `store-${++count}`)
  store = createSealedStore({ file: join(folder, 'sealed'), keyFile: join(folder, 'key'), clock })
  answers = []
  audited = []
})

/** Asks the page, and keeps everything that came back. */
async function request(path: string, init: RequestInit = {}, secrets: UiDeps['secrets'] = store) {
  const app = new Hono<AppEnv>()
  app.use(async (c, next) => {
    const caller = { userId: 'u1', username: 'ann', role: 'admin', correlationId: 'r' } as const
    c.set('identity', { caller, via: 'session', csrfToken: 'token' })
    await next()
    audited.push(c.get('auditNotes'))
  })
  const deps = { secrets, clock } as unknown as UiDeps
  app.route('/', secretPageRoutes(deps, loadAssets(directory)))
  app.onError((failure, c) =>
    c.text(failure.message, failure instanceof WebEncodeError ? statusOf(failure.code) : 500)
  )
  const response = await app.request(path, init)
  answers.push(JSON.stringify([...response.headers]), await response.clone().text())
  return response
}
const post = (path: string, fields: Record<string, string> = {}) =>
  request(path, { method: 'POST', body: new URLSearchParams(fields) })
const noticeOf = (response: Response) =>
  decodeURIComponent(response.headers.get('set-cookie') ?? '')

test('a secret is set, listed with its time, replaced, sealed anew and deleted', async () => {
  assert.match(await (await request('/settings/secrets')).text(), /No secrets yet/)
  const set = await post('/settings/secrets', { name: ` ${name} `, value: planted })
  assert.deepEqual([set.status, set.headers.get('location')], [303, '/settings/secrets'])
  const shown = await (await request('/settings/secrets')).text()
  assert.match(shown, /1 secret/)
  assert.match(shown, />secret\/webencode\/s3\/access_key<\/td>/)
  assert.match(shown, /<time datetime="2026-03-01T12:00:00.000Z"/)
  await post('/settings/secrets', { name, value: `${planted}\r\nof two lines` })
  assert.equal(await store.resolve(name), `${planted}\nof two lines`)
  assert.match(noticeOf(await post('/settings/secrets/rotate')), /sealed under a new key/)
  assert.equal(await store.resolve(name), `${planted}\nof two lines`)
  const path = `/settings/secrets/delete?name=${encodeURIComponent(name)}`
  assert.match(noticeOf(await post(path)), /is gone/)
  assert.deepEqual(await store.list(), [])
  assert.match(noticeOf(await post(path)), /There is no secret/)
})

test('what is refused comes back with its name and without its value', async () => {
  const wrong = await post('/settings/secrets', { name: '../key', value: planted })
  assert.equal(wrong.status, 422)
  const text = await wrong.text()
  assert.match(text, /name="name"[^>]*value="\.\.\/key"/)
  assert.match(text, /id="name-error"[^>]*>The name of a secret must be words/)
  const long = await post('/settings/secrets', { name, value: planted.repeat(5000) })
  assert.match(await long.text(), /id="value-error"[^>]*>Cannot keep the secret/)
  assert.equal((await post('/settings/secrets', { name, value: '' })).status, 422)
  assert.equal((await post('/settings/secrets', {})).status, 422)
  assert.deepEqual(await store.list(), [])
})

test('what was planted is in no answer, and the audit is told names alone', async () => {
  await post('/settings/secrets', { name, value: planted })
  await post('/settings/secrets', { name: 'not a name', value: planted })
  await request('/settings/secrets')
  assert.ok(answers.some((text) => text.includes(name)))
  assert.deepEqual(answers.filter((text) => text.includes(planted)), [])
  assert.deepEqual(audited, [
    { resourceId: name, detail: {} },
    { detail: { error_code: 'WE-PLG-003' } },
    undefined,
  ])
})

test('of OpenBao the page says what that keeps to itself', async () => {
  const openbao: UiDeps['secrets'] = {
    ...store,
    kind: 'openbao',
    list: () => Promise.resolve([{ name, updatedAt: null }]),
  }
  const text = await (await request('/settings/secrets', {}, openbao)).text()
  assert.match(text, /kept in OpenBao, which does not say here when one was changed/)
  assert.match(text, /Mount, path and field/)
  assert.doesNotMatch(text, /Change the key/)
})

test('a store that does not answer is a failure of the page', async () => {
  const away = () => Promise.reject(new WebEncodeError('WE-SYS-004', 'Cannot ask OpenBao: silence'))
  const gone: UiDeps['secrets'] = { ...store, list: away }
  assert.equal((await request('/settings/secrets', {}, gone)).status, 503)
})
