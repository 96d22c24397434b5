/** The HTTP application: the middleware in its order, and every route. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { allowedMethods } from './allowed-methods.ts'
import { auditActions } from './audit.ts'
import { findRule, guard } from './auth.ts'
import { limitBody } from './body-limit.ts'
import { clientAddress } from './client-address.ts'
import type { AppEnv, HttpDeps, UiMount } from './deps.ts'
import { limitInFlight } from './in-flight.ts'
import { measure } from './measure.ts'
import { createApi, serveDescription } from './openapi.ts'
import { apiRules } from './permissions.ts'
import { answerFailure, answerNotFound } from './problem.ts'
import { rateLimit } from './rate-limit.ts'
import { requestId } from './request-id.ts'
import { auditRoutes } from './routes/audit.ts'
import { demandRoutes } from './routes/demand.ts'
import { fileRoutes } from './routes/files.ts'
import { jobDetailRoutes } from './routes/job-details.ts'
import { jobFileRoutes } from './routes/job-files.ts'
import { jobRoutes } from './routes/jobs.ts'
import { joinTokenRoutes } from './routes/join-tokens.ts'
import { liveRoutes } from './routes/live.ts'
import { objectRoutes } from './routes/objects.ts'
import { pluginRoutes } from './routes/plugins.ts'
import { profileRoutes } from './routes/profiles.ts'
import { redirectSignInRoutes } from './routes/redirect-sign-in.ts'
import { resumableUploadRoutes } from './routes/resumable-uploads.ts'
import { secretRoutes } from './routes/secrets.ts'
import { signInRoutes } from './routes/sign-in.ts'
import { systemRoutes } from './routes/system.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { userRoutes } from './routes/users.ts'
import { workerRoutes } from './routes/workers.ts'
import { securityHeaders } from './security-headers.ts'

/** Version of the API's description. */
const apiVersion = '1.0.0'

/**
 * Builds the application.
 * @param ui - the pages; without them only the API answers
 */
export function createApp(deps: HttpDeps, ui?: UiMount): OpenAPIHono<AppEnv> {
  const { clock, config, log } = deps
  const app = createApi()
  app.use(requestId())
  app.use(clientAddress(config))
  app.use(measure(deps))
  app.use(securityHeaders(config.publicUrl?.startsWith('https:') ?? false))
  app.use(findRule([...apiRules, ...ui?.rules ?? []]))
  app.use(rateLimit(clock, config))
  app.use(limitInFlight(config))
  app.use(limitBody(config.maxBodyBytes))
  app.use(auditActions(deps))
  app.use(guard(deps))
  app.onError(answerFailure({ clock, log }, ui))
  app.notFound(answerNotFound({ clock, log }, ui, (path) => allowedMethods(app, path)))

  app.route('/', systemRoutes(deps))
  app.route('/', jobRoutes(deps))
  app.route('/', jobDetailRoutes(deps))
  app.route('/', jobFileRoutes(deps))
  app.route('/', profileRoutes(deps))
  app.route('/', joinTokenRoutes(deps))
  app.route('/', workerRoutes(deps))
  app.route('/', demandRoutes(deps))
  app.route('/', auditRoutes(deps))
  app.route('/', secretRoutes(deps))
  app.route('/', pluginRoutes(deps))
  app.route('/', fileRoutes(deps))
  app.route('/', uploadRoutes(deps))
  app.route('/', resumableUploadRoutes(deps))
  app.route('/', liveRoutes(deps))
  app.route('/', objectRoutes(deps))
  app.route('/', signInRoutes(deps))
  app.route('/', redirectSignInRoutes(deps))
  app.route('/', tokenRoutes(deps))
  app.route('/', userRoutes(deps))
  serveDescription(app, apiVersion)
  if (ui !== undefined) app.route('/', ui.app)
  return app
}
