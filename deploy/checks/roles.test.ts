/** Every route, page and live topic with every role: who gets in is exactly what the table of `contract/access.ts` says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { accessTable, roleCovers } from '../../kernel/contract/access.ts'
import { type Role, roles } from '../../kernel/contract/auth.ts'
import { changesOf, storedWorker } from '../../kernel/db/actor-store.samples.ts'
import { createActorStore } from '../../kernel/db/actors.ts'
import { createApp } from '../../kernel/http/app.ts'
import { as, type Bench, openBench } from '../../kernel/http/fixture.ts'
import {
  dashboardTopic,
  jobTopic,
  topicAccess,
  topicFamilies,
  workersTopic,
  workerTopic,
} from '../../kernel/http/live-topic.ts'
import { apiRules, type Rule } from '../../kernel/http/permissions.ts'
import { createUi } from '../../ui/app.tsx'
import { uiRules } from '../../ui/rules.ts'
import { assetsDirectory } from '../box/paths.ts'

type Visitor = Role | 'nobody'
type Outcome = 'in' | 'must sign in' | 'needs another role'

const visitors: readonly Visitor[] = ['nobody', ...roles]
const rules = [...apiRules, ...uiRules]

let bench: Bench
let app: ReturnType<typeof createApp>
before(async () => {
  bench = await openBench({ config: { signInsPerMinute: 1000 } })
  const workers = [storedWorker('w1')]
  await createActorStore(bench.db).transaction((tx) => tx.write(changesOf({ workers })))
  const ui = createUi({ ...bench, openapi: () => ({}), maxUploadBytes: 1000, assetsDirectory })
  app = createApp(bench, ui)
})
after(() => bench.close())

async function visit({ method, path }: Rule, visitor: Visitor): Promise<Outcome> {
  const url = path.replaceAll(/:\w+/g, 'x').replace('*', 'x')
  const headers = visitor === 'nobody' ? {} : as(visitor)
  const response = await app.request(url, { method, headers }, { clientAddress: '192.0.2.1' })
  const text = await response.text()
  if (response.status === 401 && text.includes('Sign in, or send the header')) return 'must sign in'
  const location = response.headers.get('location') ?? ''
  const isPage = uiRules.some((rule) => rule.method === method && rule.path === path) ||
    path === '/auth/logout'
  if (isPage && visitor === 'nobody' && /^\/login(\?next=|$)/.test(location)) return 'must sign in'
  return response.status === 403 && text.includes('it needs the role') ? 'needs another role' : 'in'
}

function expected({ access }: Rule, visitor: Visitor): Outcome {
  if (access === 'public') return 'in'
  if (visitor === 'nobody') return 'must sign in'
  const needed = access === 'viewer-or-loopback' ? 'viewer' : access
  return roleCovers(visitor, needed) ? 'in' : 'needs another role'
}

for (const visitor of visitors) {
  test(`every route and page lets ${visitor} in, or not, as its rule says`, async () => {
    const wrong: string[] = []
    for (const rule of rules) {
      const found = await visit(rule, visitor)
      const right = expected(rule, visitor)
      if (found !== right) wrong.push(`${rule.method} ${rule.path}: ${found}, not ${right}`)
    }
    assert.deepEqual(wrong, [])
  })
}

test('what the specification keeps from a role is kept from it', async () => {
  const accessOf = (route: string) =>
    rules.find(({ method, path }) => `${method} ${path}` === route)?.access
  const forAdmins = [
    'POST /v1/workers/:id/drain',
    'POST /v1/workers/:id/restart',
    'POST /workers/:id/drain',
    'DELETE /v1/workers/:id',
    'POST /v1/workers/join-tokens',
    'GET /settings/users',
    'GET /settings/secrets',
    'POST /settings/secrets',
    'GET /v1/secrets',
    'PUT /v1/secrets/:name',
  ]
  assert.deepEqual(forAdmins.map(accessOf), forAdmins.map(() => 'admin'))
  const forOperators = ['POST /v1/jobs', 'POST /v1/jobs/:id/cancel', 'GET /jobs/new']
  assert.deepEqual(forOperators.map(accessOf), forOperators.map(() => 'operator'))
  const forViewers = ['GET /v1/jobs', 'GET /dashboard', 'GET /v1/workers', 'POST /v1/tokens']
  assert.deepEqual(forViewers.map(accessOf), forViewers.map(() => 'viewer'))
})

test('rules take their roles from the table, and name none themselves', () => {
  for (const file of ['kernel/http/permissions.ts', 'ui/rules.ts', 'kernel/http/live-topic.ts']) {
    const named = readFileSync(file, 'utf8').split('\n')
      .filter((line) => /access: '(viewer|operator|admin)'/.test(line))
    assert.deepEqual(named, [], file)
  }
})

test('every cell of the table is a role', () => {
  for (const actions of Object.values(accessTable)) {
    assert.ok(Object.values(actions).every((role) => roles.includes(role)))
  }
})

test('every live topic has the access of what it shows', () => {
  const shown = new Map<string, Role>([
    [jobTopic('x'), accessTable.job.read],
    [dashboardTopic, accessTable.system.read],
    [workersTopic, accessTable.worker.read],
    [workerTopic('x'), accessTable.worker.read],
  ])
  for (const [topic, role] of shown) assert.equal(topicAccess(topic), role, topic)
  const unnamed = topicFamilies.filter(({ has }) => ![...shown.keys()].some((topic) => has(topic)))
  assert.deepEqual(unnamed, [], 'name a topic of each family here')
  assert.equal(topicAccess('nothing'), undefined)
})

test('buttons and entries that a role may not use are not shown', async () => {
  const shownTo = async (role: Role, path: string) =>
    await (await app.request(path, { headers: as(role) })).text()
  for (const role of roles) {
    const page = await shownTo(role, '/dashboard')
    for (const path of ['/jobs/new', '/settings/users', '/settings/secrets', '/settings/tokens']) {
      const rule = rules.find((one) => one.method === 'GET' && one.path === path)
      const mayOpen = rule !== undefined && expected(rule, role) === 'in'
      assert.equal(page.includes(`href="${path}"`), mayOpen, `${role} ${path}`)
    }
    const actions = [...(await shownTo(role, '/workers')).matchAll(/action="(\/workers[^"?]*)/g)]
    assert.equal(actions.length > 0, role === 'admin', `${role} on /workers`)
  }
})
