/** The pages as one Hono app: which address shows what. */
import { type Context, Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { mayDo } from '../kernel/contract/access.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv, UiMount } from '../kernel/http/deps.ts'
import { readForm } from '../kernel/http/form.ts'
import { type Assets, defaultAssetsDirectory, loadAssets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { auditPageRoutes } from './audit-routes.tsx'
import { filePageRoutes } from './file-routes.tsx'
import { fragment, frameOf, page, themeCookie, themeFrom } from './page.ts'
import { jobActionRoutes } from './job-routes.tsx'
import { pluginPageRoutes } from './plugin-routes.tsx'
import { newJobRoutes } from './new-job-routes.tsx'
import { DashboardLive, DashboardPage, loadDashboard } from './pages/dashboard.tsx'
import { DocsPage } from './pages/docs.tsx'
import { apiViewFrom } from './pages/openapi-view.ts'
import { ProblemPage } from './pages/problem.tsx'
import { ProfilesPage } from './pages/profiles.tsx'
import { SignInPage } from './pages/sign-in.tsx'
import { renderDocument } from './components/layout.tsx'
import { uiRules } from './rules.ts'
import { secretPageRoutes } from './secret-routes.tsx'
import { settingsRoutes } from './settings-routes.tsx'
import { workerPageRoutes } from './worker-routes.tsx'

/** Builds the pages, to be mounted beside the API. @throws Error when the assets were not built */
export function createUi(deps: UiDeps): UiMount {
  const assets = loadAssets(deps.assetsDirectory ?? defaultAssetsDirectory())
  const app = new Hono<AppEnv>()
  app.route('/', frameRoutes(deps, assets))
  app.route('/', overviewRoutes(deps, assets))
  app.route('/', newJobRoutes(deps, assets))
  app.route('/', filePageRoutes(deps, assets))
  app.route('/', jobActionRoutes(deps, assets))
  app.route('/', workerPageRoutes(deps, assets))
  app.route('/', settingsRoutes(deps, assets))
  app.route('/', secretPageRoutes(deps, assets))
  app.route('/', auditPageRoutes(deps, assets))
  app.route('/', pluginPageRoutes(deps, assets))
  return {
    app,
    rules: uiRules,
    async renderProblem(c, problem) {
      const content = <ProblemPage problem={problem} />
      return String(await renderDocument(frameOf(c, assets), problem.message, content))
    },
  }
}

/** Whether the caller may create and change jobs. */
function canOperate(c: Context<AppEnv>): boolean {
  return mayDo(currentCaller(c).role, 'job', 'create')
}

/** What belongs to no page: assets, the theme, the front door. */
function frameRoutes({ redirectSignIn }: UiDeps, assets: Assets) {
  return new Hono<AppEnv>()
    .get('/', (c) => c.redirect('/dashboard', 302))
    .get('/favicon.ico', (c) => c.redirect(assets.url('logo.svg'), 302))
    .get('/assets/:name', (c) => sendAsset(c, assets, c.req.param('name')))
    .get('/login', (c) => {
      const { next = '/', error } = c.req.query()
      const view = {
        next,
        username: '',
        logoUrl: assets.url('logo.svg'),
        provider: redirectSignIn?.label,
        ...(error !== undefined &&
          { notice: { tone: 'danger' as const, text: signInError(error) } }),
      }
      return page(c, assets, 'Sign in', <SignInPage view={view} />)
    })
    .post('/preferences/theme', async (c) => {
      const { theme, back = '' } = await readForm(c)
      const chosen = themeFrom(theme)
      setCookie(c, themeCookie, chosen, { path: '/', sameSite: 'Lax', maxAge: 365 * 86_400 })
      const isLocal = /^\/(?![/\\])[\w\-./]*$/.test(back)
      return c.redirect(isLocal ? back : '/dashboard', 303)
    })
}

/** Pages that show the whole: dashboard, profiles, API. */
function overviewRoutes(deps: UiDeps, assets: Assets) {
  return new Hono<AppEnv>()
    .get('/dashboard', async (c) => {
      const view = await loadDashboard(deps, canOperate(c))
      return page(c, assets, 'Dashboard', <DashboardPage view={view} />)
    })
    .get('/dashboard/live', async (c) => {
      return fragment(c, <DashboardLive view={await loadDashboard(deps, canOperate(c))} />)
    })
    .get('/profiles', (c) => {
      const content = <ProfilesPage profiles={deps.profiles} canCreate={canOperate(c)} />
      return page(c, assets, 'Profiles', content)
    })
    .get('/docs', async (c) => {
      const api = apiViewFrom(await deps.openapi(), new URL(c.req.url).origin)
      return page(c, assets, 'API', <DocsPage api={api} />)
    })
}

/** Hashed names never change their bytes; the plain name is for pages that do not know the hash. */
function sendAsset(c: Context<AppEnv>, assets: Assets, name: string): Response {
  const hashed = assets.find(name)
  const asset = hashed ?? assets.findByPlainName(name)
  if (asset === undefined) throw new WebEncodeError('WE-SYS-007', `There is no asset "${name}"`)
  const takesGzip = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
  return c.body(takesGzip ? asset.gzip : asset.body, 200, {
    'Content-Type': asset.contentType,
    ...(takesGzip && { 'Content-Encoding': 'gzip' }),
    Vary: 'Accept-Encoding',
    'Cache-Control': hashed === undefined ? 'no-cache' : 'public, max-age=31536000, immutable',
  })
}

function signInError(kind: string): string {
  if (kind === 'provider') {
    return 'The identity provider did not sign you in, or you have no role here.'
  }
  return kind === 'link'
    ? 'The sign-in link has expired or was used before. The command "npx webencode link" prints a new one.'
    : 'The user name or the password is wrong.'
}
