/** Addresses of the worker list and of one worker, and the buttons on them. */
import { type Context, Hono } from 'hono'
import { mayDo } from '../kernel/contract/access.ts'
import { type NewJoinToken, usualTokenSeconds } from '../kernel/contract/worker.ts'
import { listJoinTokens } from '../kernel/db/join-tokens.ts'
import { listWorkers } from '../kernel/db/workers.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Caller } from '../kernel/gateway.ts'
import { noteAudit } from '../kernel/http/audit.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import type { Assets } from './assets.ts'
import type { Joining } from './components/add-worker.tsx'
import type { WorkerRights } from './components/worker-actions.tsx'
import { workerPath } from './components/worker-list.tsx'
import type { UiDeps } from './deps.ts'
import { act } from './notice.ts'
import { fragment, page } from './page.ts'
import { loadWorker, WorkerPage } from './pages/worker.tsx'
import { WorkersLive, WorkersPage, type WorkersView } from './pages/workers.tsx'

/** Routes below `/workers`. */
export function workerPageRoutes(deps: UiDeps, assets: Assets) {
  const { gateway } = deps
  return new Hono<AppEnv>()
    .get('/workers', async (c) => {
      return page(c, assets, 'Workers', <WorkersPage view={await workersView(deps, c)} />)
    })
    .get('/workers/live', async (c) => {
      return fragment(c, <WorkersLive view={await workersView(deps, c)} />)
    })
    // Not a redirect: the token is shown this once, and kept nowhere.
    .post('/workers/tokens', async (c) => {
      const made = await gateway.createJoinToken(usualTokenSeconds, currentCaller(c))
      noteAudit(c, { resourceId: made.id, detail: { expires_at: made.expires_at } })
      const view = await workersView(deps, c, made)
      const shown = await page(c, assets, 'Workers', <WorkersPage view={view} />)
      shown.headers.set('Cache-Control', 'no-store')
      return shown
    })
    .get('/workers/tokens', (c) => c.redirect('/workers', 302))
    .post('/workers/tokens/:id/delete', (c) =>
      act(c, '/workers', async () => {
        await gateway.deleteJoinToken(c.req.param('id'), currentCaller(c))
        return { text: 'The join token lets nobody in any more.' }
      }))
    .get('/workers/:id', async (c) => {
      const view = await loadWorker(deps, workerIdOf(c), rightsOf(c))
      return page(c, assets, view.worker.id, <WorkerPage view={view} />)
    })
    .get('/workers/:id/live', async (c) => {
      return fragment(c, <WorkerPage view={await loadWorker(deps, workerIdOf(c), rightsOf(c))} />)
    })
    .post(
      '/workers/:id/drain',
      (c) =>
        press(
          c,
          'takes no new work until it is undrained',
          (id, caller) => gateway.drainWorker(id, caller),
        ),
    )
    .post(
      '/workers/:id/undrain',
      (c) => press(c, 'takes work again', (id, caller) => gateway.undrainWorker(id, caller)),
    )
    .post(
      '/workers/:id/restart',
      (c) =>
        press(
          c,
          'finishes what it has and begins anew',
          (id, caller) => gateway.restartWorker(id, caller),
        ),
    )
    .post('/workers/:id/remove', (c) =>
      act(c, backOf(c), async () => {
        const id = workerIdOf(c)
        await gateway.removeWorker(id, currentCaller(c))
        return { path: '/workers', text: `${id} goes for good, as soon as its tasks are done.` }
      }))
}

/** Does what a button asks for, and says what the worker does now. */
function press(
  c: Context<AppEnv>,
  does: string,
  command: (id: string, caller: Caller) => Promise<unknown>,
): Promise<Response> {
  return act(c, backOf(c), async () => {
    const id = workerIdOf(c)
    await command(id, currentCaller(c))
    return { text: `${id} ${does}.` }
  })
}

async function workersView(
  deps: UiDeps,
  c: Context<AppEnv>,
  made?: NewJoinToken,
): Promise<WorkersView> {
  const rights = rightsOf(c)
  const [workers, joining] = await Promise.all([
    listWorkers(deps.db),
    rights.canRemove ? joiningOf(deps, made) : undefined,
  ])
  return { workers, rights, joining, now: deps.clock.now() }
}

async function joiningOf(
  { db, clock, workerBusUrl }: UiDeps,
  made?: NewJoinToken,
): Promise<Joining> {
  const tokens = (await listJoinTokens(db)).filter(({ id, used_at, expires_at }) =>
    id !== made?.id && used_at === null && Date.parse(expires_at) > clock.now()
  )
  return { busUrl: workerBusUrl, tokens, made }
}

function rightsOf(c: Context<AppEnv>): WorkerRights {
  const { role } = currentCaller(c)
  return {
    csrfToken: csrfToken(c),
    canOperate: mayDo(role, 'worker', 'execute'),
    canRemove: mayDo(role, 'worker', 'delete'),
  }
}

/** Where the button was. */
function backOf(c: Context<AppEnv>): string {
  return c.req.query('back') === 'list' ? '/workers' : workerPath(workerIdOf(c))
}

/** @throws WE-WRK-001 when it cannot be the id of a worker */
function workerIdOf(c: Context<AppEnv>): string {
  const id = c.req.param('id') ?? ''
  if (/^[A-Za-z0-9._-]{1,100}$/.test(id)) return id
  throw new WebEncodeError('WE-WRK-001', 'No worker has such an id')
}
