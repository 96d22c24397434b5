/** Routes about the process and the caller: health, readiness, metrics, statistics, error codes. */
import { z } from 'zod'
import { roles } from '../../contract/auth.ts'
import { dashboardStatsSchema } from '../../contract/job.ts'
import { readDashboardStats } from '../../db/dashboard.ts'
import { errorCatalog } from '../../errors.ts'
import { currentCaller } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { readinessStatus } from '../problem.ts'

const readinessBody = z.strictObject({
  status: z.enum(['ready', 'not ready']),
  checks: z.record(z.string(), z.strictObject({ ok: z.boolean(), detail: z.string().optional() })),
})

const health = route('get', '/health', {
  summary: 'The process lives',
  security: [],
  responses: { 200: json(z.strictObject({ status: z.literal('ok') }), 'It does') },
})

const ready = route('get', '/ready', {
  summary: 'Work is accepted',
  security: [],
  responses: { 200: json(readinessBody, 'Ready'), 503: json(readinessBody, 'Not ready') },
})

const metricsRoute = route('get', '/metrics', {
  summary: 'Metrics for Prometheus; without signing in from this machine',
  responses: {
    200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } },
  },
})

const me = route('get', '/v1/me', {
  summary: 'Who is signed in',
  responses: {
    200: json(
      z.strictObject({ user_id: z.string(), username: z.string(), role: z.enum(roles) }),
      'The caller',
    ),
  },
})

const stats = route('get', '/v1/stats', {
  summary: 'The figures of the dashboard',
  responses: { 200: json(dashboardStatsSchema.meta({ id: 'Stats' }), 'The figures') },
})

const errors = route('get', '/v1/errors', {
  summary: 'List the error codes',
  responses: {
    200: json(
      z.strictObject({
        errors: z.array(
          z.strictObject({ code: z.string(), title: z.string(), resolution: z.string() }),
        ),
      }),
      'The catalog',
    ),
  },
})

/** Routes of the process itself. */
export function systemRoutes({ db, metrics, readiness }: HttpDeps) {
  return createApi()
    .openapi(health, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(ready, async (c) => {
      const found = await readiness()
      const isReady = found.every(({ ok }) => ok)
      const checks = Object.fromEntries(found.map(({ name, ...check }) => [name, check]))
      const status = isReady ? 'ready' as const : 'not ready' as const
      return c.json({ status, checks }, readinessStatus(isReady))
    })
    .openapi(metricsRoute, async (c) => {
      const { contentType, text } = await metrics.expose()
      return c.text(text, 200, { 'Content-Type': contentType })
    })
    .openapi(me, (c) => {
      const { userId, username, role } = currentCaller(c)
      return c.json({ user_id: userId, username, role }, 200)
    })
    .openapi(stats, async (c) => c.json(await readDashboardStats(db), 200))
    .openapi(errors, (c) => {
      const entries = Object.entries(errorCatalog)
      const list = entries.map(([code, { title, resolution }]) => ({ code, title, resolution }))
      return c.json({ errors: list }, 200)
    })
}
