import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Hono } from 'hono'
import { systemClock } from '../kernel/clock.ts'
import type { Authenticator, Role } from '../kernel/contract/auth.ts'
import type { CreateJob, JobView, WorkerView } from '../kernel/contract/job.ts'
import type { StorageProvider } from '../kernel/contract/storage.ts'
import { changesOf, storedWorker } from '../kernel/db/actor-store.samples.ts'
import { createActorStore } from '../kernel/db/actors.ts'
import { type Database, json, sql } from '../kernel/db/database.ts'
import { rememberUser } from '../kernel/db/known-users.ts'
import { migrate } from '../kernel/db/migrate.ts'
import { openPglite } from '../kernel/db/pglite.ts'
import { insertSession } from '../kernel/db/sessions.ts'
import { createStorages } from '../kernel/storages.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { NewJoinToken } from '../kernel/contract/worker.ts'
import type { Gateway } from '../kernel/gateway.ts'
import type { AppEnv, UiMount } from '../kernel/http/deps.ts'
import { statusOf } from '../kernel/http/problem.ts'
import {
  type PluginCommand,
  pluginCommandsOver,
  pluginDirectory,
} from '../kernel/http/plugins.fixture.ts'
import type { PluginCommands } from '../kernel/plugin-desk.ts'
import { silentLog } from '../kernel/log.ts'
import { writeAssets } from './assets.fixture.ts'
import { createUi } from './app.tsx'
import type { UiDeps } from './deps.ts'
import {
  fixtureJobId,
  jobFixture,
  newTokenFixture,
  profileFixture,
  workerFixture,
} from './fixtures.ts'

/** Knows one user who has never signed in. */
const auth: Authenticator = {
  authenticate: () => Promise.reject(new TypeError('nobody signs in here')),
  authorize: () => Promise.reject(new TypeError('nobody asks here')),
  getUserProfile: () => Promise.resolve(undefined),
  listUsers: () => {
    const times = { createdAtUnix: 0, lastLoginUnix: 0 }
    const facts = { email: '', displayName: 'Bob', role: 'viewer' as const, ...times }
    return Promise.resolve({ users: [{ userId: 'u2', username: 'bob', ...facts }], totalCount: 1 })
  },
  refreshToken: () => Promise.reject(new TypeError('nothing is renewed here')),
  logout: () => Promise.resolve(),
}

const uploads = new Map<string, string>()
const pluginCommands: PluginCommand[] = []

/** A gateway that notes what it was asked. */
class RecordingGateway implements Omit<Gateway, keyof PluginCommands> {
  readonly calls: string[] = []
  failure: WebEncodeError | undefined
  submitted: { request: CreateJob; key: string | undefined } | undefined

  async submitJob(request: CreateJob, _caller: unknown, key?: string): Promise<JobView> {
    this.submitted = { request, key }
    return this.#note('submit')
  }
  cancelJob(id: string): Promise<JobView> {
    return this.#note(`cancel ${id}`)
  }
  retryJob(id: string): Promise<JobView> {
    return this.#note(`retry ${id}`)
  }
  async deleteJob(id: string): Promise<void> {
    await this.#note(`delete ${id}`)
  }
  async requeueTask(id: string): Promise<void> {
    await this.#note(`requeue ${id}`)
  }
  async drainWorker(id: string): Promise<WorkerView> {
    await this.#note(`drain ${id}`)
    return workerFixture()
  }
  async undrainWorker(id: string): Promise<WorkerView> {
    await this.#note(`undrain ${id}`)
    return workerFixture()
  }
  async restartWorker(id: string): Promise<WorkerView> {
    await this.#note(`restart ${id}`)
    return workerFixture()
  }
  async removeWorker(id: string): Promise<void> {
    await this.#note(`remove ${id}`)
  }
  async createJoinToken(seconds: number): Promise<NewJoinToken> {
    await this.#note(`token ${seconds}`)
    return newTokenFixture
  }
  async deleteJoinToken(id: string): Promise<void> {
    await this.#note(`delete token ${id}`)
  }
  #note(call: string): Promise<JobView> {
    this.calls.push(call)
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(jobFixture())
  }
}

const storage: Pick<
  StorageProvider,
  'listObjects' | 'download' | 'upload' | 'delete' | 'browse' | 'browseRoots'
> = {
  listObjects: async ({ prefix }) => ({
    objects: [{
      key: `${prefix}${fixtureJobId}.probe.00000.1.log`,
      size: 9,
      etag: '',
      lastModified: 0,
    }],
  }),
  download: async () => ({
    metadata: { key: '', size: 9, etag: '', lastModified: 0, contentType: 'text/plain' },
    body: new Blob(['frame=<1>']).stream(),
  }),
  async upload({ path }, chunks) {
    const parts: Uint8Array[] = []
    for await (const chunk of chunks) parts.push(chunk)
    const text = Buffer.concat(parts).toString()
    uploads.set(path, text)
    return { url: '', size: text.length, etag: '', sha256: '' }
  },
  async delete({ path }) {
    uploads.delete(path)
  },
  async browse({ path }) {
    if (path === '/etc') throw new WebEncodeError('WE-STO-002', 'not below a media directory')
    return { currentPath: path, parentPath: '', entries: [] }
  },
  browseRoots: async () => [{
    name: 'films',
    path: '/films',
    isDirectory: true,
    size: 0,
    modTime: 0,
    extension: '',
    isVideo: false,
    isAudio: false,
    isImage: false,
  }],
}

/** Keeps the user that `auth` knows. */
const keptUsers: UiDeps['keptUsers'] = {
  getUserProfile: async (id) =>
    (await auth.listUsers({ page: 1, pageSize: 1 })).users.find(({ userId }) => userId === id),
  listUsers: auth.listUsers,
  async addUser({ username, role }) {
    if (username === 'bob') throw new WebEncodeError('WE-AUTH-007', 'the name is taken')
    keptCalls.push(`add ${username} ${role}`)
    const times = { createdAtUnix: 0, lastLoginUnix: 0 }
    const user = { userId: 'u3', username, email: '', displayName: username, role, ...times }
    return await Promise.resolve({ user, token: 'we_shown-once' })
  },
  async setRole(userId, role) {
    keptCalls.push(`role ${userId} ${role}`)
    const [bob] = (await auth.listUsers({ page: 1, pageSize: 1 })).users
    assert.ok(bob)
    return { ...bob, role }
  },
  async removeUser(userId) {
    await Promise.resolve(keptCalls.push(`remove ${userId}`))
  },
}
const keptCalls: string[] = []

const secrets: UiDeps['secrets'] = {
  kind: 'sealed',
  list: () => Promise.resolve([{ name: 'a/b', updatedAt: '2026-03-01T12:00:00.000Z' }]),
  put: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  rotate: () => Promise.resolve(),
}

describe('createUi()', () => {
  let db: Database
  let ui: UiMount
  let gateway: RecordingGateway
  const assetsDirectory = writeAssets()

  before(async () => {
    db = await openPglite({ directory: null, log: silentLog })
    await migrate(db)
    await db.query(sql`
      INSERT INTO jobs (id, user_id, source_type, source_url, profile_id, profile, status, phase)
      VALUES (${fixtureJobId}, 'u1', 'url', 'https://a.example/<night>.mp4', '720p_h264', ${
      json({})
    }, 'queued', 'queued')`)
    const workers = [storedWorker('w.1')]
    await createActorStore(db).transaction((tx) => tx.write(changesOf({ workers })))
    gateway = new RecordingGateway()
    const commands = pluginCommandsOver((command) => void pluginCommands.push(command))
    ui = createUi({
      db,
      gateway: Object.assign(gateway, commands),
      auth,
      keptUsers,
      plugins: pluginDirectory,
      secrets,
      storage: storage as StorageProvider,
      storages: createStorages({ id: 'storage-fs', storage: storage as StorageProvider }),
      profiles: [profileFixture],
      clock: systemClock,
      log: silentLog,
      openapi: () => ({ info: { title: 'WebEncode', version: '1' }, paths: {} }),
      maxUploadBytes: 1000,
      workerBusUrl: 'wss://bus.example',
      assetsDirectory,
    })
  })
  after(async () => {
    await db.close()
    rmSync(assetsDirectory, { recursive: true })
  })

  function request(path: string, init: RequestInit = {}, role: Role | null = 'operator') {
    const app = new Hono<AppEnv>()
    app.use(async (c, next) => {
      const caller = { userId: 'u1', username: 'ann', role: role ?? 'viewer', correlationId: 'r' }
      if (role !== null) c.set('identity', { caller, via: 'session', csrfToken: 'token' })
      c.set('isCsrfOpen', true)
      await next()
    })
    app.route('/', ui.app)
    app.onError((failure, c) =>
      c.text(failure.message, failure instanceof WebEncodeError ? statusOf(failure.code) : 500)
    )
    return app.request(path, init)
  }

  function post(path: string, fields: Record<string, string> = {}) {
    return request(path, { method: 'POST', body: new URLSearchParams(fields) })
  }

  test('every route has exactly one rule, and every rule a route', () => {
    const routes = ui.app.routes.map(({ method, path }) => `${method} ${path}`).sort()
    assert.deepEqual(ui.rules.map(({ method, path }) => `${method} ${path}`).sort(), routes)
  })

  test('every page is a document with a title, the navigation and no inline script or style', async () => {
    const paths = [
      '/dashboard',
      '/jobs',
      '/jobs/new',
      `/jobs/${fixtureJobId}`,
      '/profiles',
      '/workers',
      '/workers/w.1',
      '/audit',
      '/settings/tokens',
      '/settings/users',
      '/settings/secrets',
      '/plugins',
      '/plugins/storage-s3',
      '/docs',
    ]
    for (const path of paths) {
      const response = await request(path, {}, 'admin')
      const text = await response.text()
      assert.equal(response.status, 200, path)
      assert.match(text, /^<!doctype html><html lang="en"/, path)
      assert.match(text, /<title>[^<]+ · WebEncode<\/title>/, path)
      assert.match(text, /aria-current="page"/, path)
      assert.doesNotMatch(text, /<script>|<style| style=| on[a-z]+="/, path)
      assert.deepEqual(unlabelledControls(text), [], path)
      assert.match(response.headers.get('cache-control') ?? '', /private/)
    }
  })

  test('a page loads the scripts that it needs, and no others', async () => {
    const everywhere = ['htmx.js', 'live.js', 'page.js', 'theme.js']
    const scripts = {
      '/dashboard': everywhere,
      '/jobs/new': [...everywhere, 'upload.js'],
      '/files': [...everywhere, 'upload.js'],
      [`/jobs/${fixtureJobId}`]: [...everywhere, 'poster.js'],
    }
    for (const [path, expected] of Object.entries(scripts)) {
      const text = await (await request(path)).text()
      const names = [...text.matchAll(/<script src="\/assets\/[^"]*?([a-z]+\.js)"/g)]
      assert.deepEqual(names.map(([, name]) => name).sort(), expected.sort(), path)
    }
  })

  test('the fragments are parts of pages, not documents', async () => {
    const paths = [
      '/dashboard/live',
      '/jobs/live',
      `/jobs/${fixtureJobId}/live`,
      '/workers/live',
      '/workers/w.1/live',
      '/plugins/live',
      '/plugins/storage-s3/live',
      '/plugins/storage-s3/log',
      '/jobs/new/files',
    ]
    for (const path of paths) {
      const text = await (await request(path)).text()
      assert.match(text, /^<(div|section)/, path)
      assert.doesNotMatch(text, /<html/, path)
    }
  })

  test('a source URL cannot inject markup', async () => {
    assert.doesNotMatch(await (await request('/jobs')).text(), /<night>/)
  })

  test('a job that is not there is WE-JOB-004, whatever its id', async () => {
    for (const id of ['nope', '%00', 'a'.repeat(100)]) {
      assert.equal((await request(`/jobs/${id}`)).status, 404, id)
    }
  })

  test('a button redirects to the job with a notice that is shown once', async () => {
    const pressed = await post(`/jobs/${fixtureJobId}/cancel`)
    assert.equal(pressed.status, 303)
    assert.equal(pressed.headers.get('location'), `/jobs/${fixtureJobId}`)
    assert.equal(gateway.calls.at(-1), `cancel ${fixtureJobId}`)
    const cookie = pressed.headers.get('set-cookie')?.split(';')[0] ?? ''
    const shown = await request('/jobs', { headers: { cookie } })
    assert.match(await shown.text(), /role="status"[^]*The job was cancelled/)
    assert.match(shown.headers.get('set-cookie') ?? '', /webencode_notice=;.*Max-Age=0/)
  })

  test('a refusal of the kernel becomes a notice, a failure of it does not', async () => {
    gateway.failure = new WebEncodeError('WE-JOB-006', 'It is completed')
    const refused = await post(`/jobs/${fixtureJobId}/cancel`)
    assert.match(
      decodeURIComponent(refused.headers.get('set-cookie') ?? ''),
      /danger.*It is completed/,
    )
    gateway.failure = new WebEncodeError('WE-SYS-002', 'gone')
    assert.equal((await post(`/jobs/${fixtureJobId}/cancel`)).status, 500)
    gateway.failure = undefined
  })

  test('retry leads to the new job, delete to the list', async () => {
    assert.match((await post(`/jobs/old/retry`)).headers.get('location') ?? '', /^\/jobs\/7d1f/)
    assert.equal((await post(`/jobs/old/delete`)).headers.get('location'), '/jobs')
  })

  test('a requeue reaches the task of this job, and no other', async () => {
    const task = `${fixtureJobId}.encode.00001`
    await post(`/jobs/${fixtureJobId}/tasks/${task}/requeue`)
    assert.equal(gateway.calls.at(-1), `requeue ${task}`)
    const other = await post(`/jobs/${fixtureJobId}/tasks/other.encode.00001/requeue`)
    assert.match(decodeURIComponent(other.headers.get('set-cookie') ?? ''), /has no such task/)
    assert.equal(gateway.calls.at(-1), `requeue ${task}`)
  })

  test('the buttons of a worker lead back to where they were pressed', async () => {
    for (const verb of ['drain', 'undrain', 'restart']) {
      const pressed = await post(`/workers/w.1/${verb}`)
      assert.equal(pressed.headers.get('location'), '/workers/w.1')
      assert.equal(gateway.calls.at(-1), `${verb} w.1`)
    }
    const inList = await post('/workers/w.1/drain?back=list')
    assert.equal(inList.headers.get('location'), '/workers')
    assert.equal((await post('/workers/w.1/remove')).headers.get('location'), '/workers')
    assert.equal(gateway.calls.at(-1), 'remove w.1')
    gateway.failure = new WebEncodeError('WE-WRK-003', 'It is offline')
    const refused = await post('/workers/w.1/restart')
    assert.match(decodeURIComponent(refused.headers.get('set-cookie') ?? ''), /It is offline/)
    gateway.failure = undefined
  })

  test('a worker that is not there is WE-WRK-001, whatever its id', async () => {
    for (const id of ['nope', '%00', 'a'.repeat(101)]) {
      assert.equal((await request(`/workers/${id}`)).status, 404, id)
    }
  })

  test('a new join token is shown once, on a page that nobody keeps', async () => {
    const made = await request('/workers/tokens', { method: 'POST' }, 'admin')
    assert.equal(made.headers.get('cache-control'), 'no-store')
    assert.match(await made.text(), /WEBENCODE_JOIN_TOKEN=wj_shown-once/)
    assert.equal(gateway.calls.at(-1), 'token 3600')
    const again = await request('/workers/tokens', {}, 'admin')
    assert.equal(again.headers.get('location'), '/workers')
    const list = await (await request('/workers', {}, 'admin')).text()
    assert.match(list, /Make a join token/)
    assert.doesNotMatch(await (await request('/workers')).text(), /join token/)
    assert.equal((await post('/workers/tokens/jt-1/delete')).headers.get('location'), '/workers')
    assert.equal(gateway.calls.at(-1), 'delete token jt-1')
  })

  test('a new API token is shown once, on a page that nobody keeps, and can be taken back', async () => {
    const made = await post('/settings/tokens', {
      name: 'my <program>',
      role: 'viewer',
      expires_in_seconds: '86400',
    })
    assert.equal(made.headers.get('cache-control'), 'no-store')
    const text = await made.text()
    const token = /wat_[\w-]{43}/.exec(text)?.[0] ?? assert.fail('no token')
    assert.doesNotMatch(text, /<program>/)
    const list = await (await request('/settings/tokens')).text()
    assert.equal(list.includes(token), false)
    const action = /action="(\/settings\/tokens\/at-[0-9a-f]+\/delete)"/.exec(list)?.[1] ?? ''
    assert.equal((await post(action)).headers.get('location'), '/settings/tokens')
    assert.doesNotMatch(await (await request('/settings/tokens')).text(), /\/delete"/)
    const again = await post(action)
    assert.match(decodeURIComponent(again.headers.get('set-cookie') ?? ''), /danger/)
  })

  test('a token that cannot be is refused with a notice, or as forbidden', async () => {
    const refused = await post('/settings/tokens', { name: '', role: 'viewer' })
    assert.match(decodeURIComponent(refused.headers.get('set-cookie') ?? ''), /name is not valid/)
    assert.equal((await post('/settings/tokens', { name: 'x', role: 'admin' })).status, 403)
    const form = await (await request('/settings/tokens')).text()
    assert.match(form, /<option value="operator"/)
    assert.doesNotMatch(form, /<option value="admin"/)
  })

  test('users, their sessions and tokens are shown, and can be ended', async () => {
    await rememberUser(db, { userId: 'oidc:a/b', username: 'anna', email: '', role: 'admin' })
    const session = {
      userId: 'oidc:a/b',
      username: 'anna',
      role: 'admin' as const,
      csrfToken: 'c',
      expiresAt: new Date(Date.now() + 60_000),
    }
    await insertSession(db, { ...session, idHash: 'hash-1' })
    await insertSession(db, { ...session, idHash: 'hash-2', userAgent: '<script>' })
    const list = await (await request('/settings/users', {}, 'admin')).text()
    assert.match(list, /anna[^]*bob[^]*never/)
    assert.match(list, /End 2 sessions/)
    assert.doesNotMatch(list, /<script>/)
    assert.equal(
      (await post('/settings/sessions/hash-1/end')).headers.get('location'),
      '/settings/users',
    )
    const gone = await post('/settings/sessions/hash-1/end')
    assert.match(decodeURIComponent(gone.headers.get('set-cookie') ?? ''), /ended already/)
    const all = await post('/settings/users/end-sessions?user=oidc%3Aa%2Fb')
    assert.match(decodeURIComponent(all.headers.get('set-cookie') ?? ''), /1 session ended/)
    assert.match(
      await (await request('/settings/users', {}, 'admin')).text(),
      /Nobody is signed in/,
    )
    const taken = await post('/settings/users/take-back-tokens?user=oidc%3Aa%2Fb')
    assert.match(decodeURIComponent(taken.headers.get('set-cookie') ?? ''), /0 tokens taken back/)
  })

  test('users that the server keeps are added, get another role and are deleted', async () => {
    const noticeOf = (response: Response) =>
      decodeURIComponent(response.headers.get('set-cookie') ?? '')
    const list = await (await request('/settings/users', {}, 'admin')).text()
    assert.match(list, /action="\/settings\/users\/role\?user=u2"/)
    assert.doesNotMatch(list, /role\?user=oidc/, 'others belong to where they sign in')
    const typed = { username: 'carla', role: 'operator', password: 'planted-password' }
    const added = await post('/settings/users', typed)
    assert.deepEqual([added.status, added.headers.get('cache-control')], [200, 'no-store'])
    const shown = await added.text()
    assert.match(shown, /Token of carla[^]*we_shown-once/)
    assert.doesNotMatch(shown, /planted-password/)
    assert.doesNotMatch(
      await (await request('/settings/users', {}, 'admin')).text(),
      /we_shown-once/,
    )
    const refusal = async (changes: Partial<typeof typed>) => {
      const refused = await post('/settings/users', { ...typed, ...changes })
      const page = await refused.text()
      assert.doesNotMatch(page, /planted-password/)
      return `${refused.status} ${/id="(\w+-error)"[^>]*>[^<]*/.exec(page)?.[0]}`
    }
    assert.match(await refusal({ username: 'bob' }), /^422 id="username-error"[^>]*>.*taken/)
    assert.match(await refusal({ password: 'x' }), /^422 id="password-error"[^>]*>.*at least 8/)
    assert.match(await refusal({ role: 'boss' }), /^422 id="role-error"[^>]*>.*one of/)
    const role = '/settings/users/role?user=u2'
    assert.match(noticeOf(await post(role, { role: 'admin' })), /bob is admin from now on/)
    assert.match(noticeOf(await post(role, { role: 'boss' })), /must be one of/)
    assert.match(noticeOf(await post('/settings/users/role?user=u9', { role: 'admin' })), /no user/)
    assert.match(noticeOf(await post('/settings/users/delete?user=u2')), /The user is gone/)
    assert.deepEqual(keptCalls, ['add carla operator', 'role u2 admin', 'remove u2'])
  })

  test('the sign-in page offers the identity provider, and says why it did not work', async () => {
    assert.doesNotMatch(await (await request('/login', {}, null)).text(), /Sign in with/)
    const error = await (await request('/login?error=provider', {}, null)).text()
    assert.match(error, /did not sign you in/)
  })

  test('the form of a new job submits it once, with its key', async () => {
    const made = await post('/jobs/new', {
      kind: 'url',
      source_url: 'https://a.example/v.mp4',
      profile: '720p_h264',
      key: 'key-12345',
    })
    assert.equal(made.headers.get('location'), `/jobs/${fixtureJobId}`)
    assert.equal(gateway.submitted?.key, 'key-12345')
    assert.equal(gateway.submitted?.request.source_url, 'https://a.example/v.mp4')
  })

  test('a refused form is shown again with another key', async () => {
    gateway.failure = new WebEncodeError('WE-JOB-002', 'Private address', { path: 'source_url' })
    const fields = {
      kind: 'url',
      source_url: 'http://10.0.0.1/',
      profile: '720p_h264',
      key: 'key-12345',
    }
    const refused = await post('/jobs/new', fields)
    const text = await refused.text()
    gateway.failure = undefined
    assert.equal(refused.status, 422)
    assert.match(text, /id="source_url-error"[^>]*>Private address/)
    assert.doesNotMatch(text, /key-12345/)
  })

  test('a file sent without scripts is stored and comes back as the source', async () => {
    const body = new FormData()
    body.set('_csrf', 'token')
    body.set('file', new File(['abc'], 'my film.mp4'))
    const sent = await request('/jobs/new/upload', { method: 'POST', body })
    const location = new URL(sent.headers.get('location') ?? '', 'http://x')
    const source = location.searchParams.get('source_upload') ?? ''
    assert.match(source, /^fs:\/\/uploads\/[0-9a-f-]+\/my_film\.mp4$/)
    assert.equal(uploads.get(source.slice('fs://'.length)), 'abc')
  })

  test('an upload without the token is refused', async () => {
    const file = 'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nabc'
    const sent = await request('/jobs/new/upload', {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: `--x\r\n${file}\r\n--x--\r\n`,
    })
    assert.equal(sent.status, 403)
  })

  test('a form that cannot be read is refused on every page that takes one', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    for (const path of ['/jobs/new', '/preferences/theme', '/settings/tokens', '/settings/users']) {
      const sent = await request(path, { method: 'POST', headers, body: '--y\r\n' }, 'admin')
      assert.equal(sent.status, 400, path)
      assert.match(await sent.text(), /The form cannot be read/)
    }
  })

  test('a folder that may not be opened shows the allowed ones', async () => {
    const text = await (await request('/jobs/new/files?folder=/etc')).text()
    assert.match(text, /films/)
  })

  test('the files of every storage are shown, and what cannot be opened shows the roots', async () => {
    for (const path of ['/files', '/files?path=/etc', '/files?plugin=none&path=/films']) {
      const response = await request(path)
      assert.equal(response.status, 200, path)
      const text = await response.text()
      assert.match(text, /href="\/files\?plugin=storage-fs&amp;path=%2Ffilms"/, path)
      assert.match(text, /data-upload-url="\/v1\/files\/tus"/)
    }
    const folder = await (await request('/files?path=/films&search=<x>&show_hidden=true')).text()
    assert.match(folder, /value="&lt;x&gt;"/)
    assert.match(folder, /No video or audio files here/)
  })

  test('the log of a task is chosen by its id and shown as text', async () => {
    const task = `${fixtureJobId}.probe.00000`
    const text = await (await request(`/jobs/${fixtureJobId}/logs?task=${task}`)).text()
    assert.match(text, /frame=&lt;1&gt;/)
  })

  test('the theme is kept in a cookie, and the way back stays on this server', async () => {
    const chosen = await post('/preferences/theme', { theme: 'dark', back: '//evil.example' })
    assert.equal(chosen.headers.get('location'), '/dashboard')
    assert.match(chosen.headers.get('set-cookie') ?? '', /webencode_theme=dark/)
    const page = await request('/jobs', { headers: { cookie: 'webencode_theme=dark' } })
    assert.match(await page.text(), /<html lang="en" class="dark"/)
  })

  test('assets are immutable under their hash, compressed for who takes it', async () => {
    const plain = await request('/assets/x.app.css', {}, null)
    assert.equal(await plain.text(), 'content of app.css')
    assert.match(plain.headers.get('cache-control') ?? '', /immutable/)
    const packed = await request(
      '/assets/app.css',
      { headers: { 'accept-encoding': 'gzip' } },
      null,
    )
    assert.equal(packed.headers.get('content-encoding'), 'gzip')
    assert.equal(packed.headers.get('cache-control'), 'no-cache')
    assert.equal((await request('/assets/manifest.json', {}, null)).status, 404)
  })

  test('the sign-in page needs nobody, and says why it is shown again', async () => {
    const text = await (await request('/login?error=link&next=/jobs', {}, null)).text()
    assert.match(text, /expired or was used/)
    assert.match(text, /name="next" value="\/jobs"/)
    assert.doesNotMatch(text, /<nav/)
  })
})

/** Fields of a page that neither a label nor an attribute names, for people who do not see it. */
function unlabelledControls(text: string): string[] {
  const labels = new Set([...text.matchAll(/<label [^>]*for="([^"]*)"/g)].map(([, id]) => id))
  // A field inside its label needs no more.
  const outside = text.replaceAll(/<label(?:(?!<\/label>).)*<\/label>/gs, '')
  const fields = [...outside.matchAll(/<(?:input|select|textarea) [^>]*>/g)].map(([tag]) => tag)
  return fields.filter((tag) =>
    !/type="hidden"|aria-label/.test(tag) && !labels.has(/ id="([^"]*)"/.exec(tag)?.[1] ?? '')
  )
}
