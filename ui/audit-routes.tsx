/** Address of the audit. */
import { Hono } from 'hono'
import type { AppEnv } from '../kernel/http/deps.ts'
import type { Assets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { page } from './page.ts'
import { AuditPage, auditQueryFrom, loadAudit } from './pages/audit.tsx'

/** The page `/audit`. */
export function auditPageRoutes({ db, clock }: UiDeps, assets: Assets) {
  return new Hono<AppEnv>().get('/audit', async (c) => {
    const view = await loadAudit(db, auditQueryFrom(c.req.query()), clock.now())
    return page(c, assets, 'Audit', <AuditPage view={view} />)
  })
}
