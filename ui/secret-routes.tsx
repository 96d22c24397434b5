/** Addresses of the secrets: their names, and the forms that set, delete and seal them anew. */
import { type Context, Hono } from 'hono'
import { WebEncodeError } from '../kernel/errors.ts'
import { noteAudit } from '../kernel/http/audit.ts'
import { csrfToken } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { readForm } from '../kernel/http/form.ts'
import { statusOf } from '../kernel/http/problem.ts'
import { checkSecretName } from '../kernel/plugin/secrets/store.ts'
import type { Assets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { act, redirectWithNotice } from './notice.ts'
import { page } from './page.ts'
import { emptySecretForm, type SecretForm, SecretsPage } from './pages/secrets.tsx'

const path = '/settings/secrets'

/** Routes below `/settings/secrets`. */
export function secretPageRoutes(deps: UiDeps, assets: Assets) {
  const { secrets } = deps
  const show = async (c: Context<AppEnv>, form: SecretForm = emptySecretForm) => {
    const listed = await secrets.list()
    const frame = { csrfToken: csrfToken(c), now: deps.clock.now() }
    const view = { kind: secrets.kind, secrets: listed, form, ...frame }
    return await page(c, assets, 'Secrets', <SecretsPage view={view} />)
  }
  return new Hono<AppEnv>()
    .get(path, (c) => show(c))
    .post(path, async (c) => {
      const { name = '', value = '' } = await readForm(c)
      const typed = name.trim()
      try {
        noteName(c, typed)
        await secrets.put(typed, asTyped(value))
      } catch (failure) {
        if (!isRefusal(failure)) throw failure
        noteAudit(c, { detail: { error_code: failure.code } })
        c.status(422)
        return await show(c, { name: typed, errors: { [failure.path ?? 'name']: failure.message } })
      }
      return redirectWithNotice(c, path, { tone: 'success', text: `"${typed}" is set.` })
    })
    .post(`${path}/delete`, (c) =>
      act(c, path, async () => {
        const name = c.req.query('name') ?? ''
        noteName(c, name)
        await secrets.remove(name)
        return { text: `"${name}" is gone.` }
      }))
    .post(`${path}/rotate`, (c) =>
      act(c, path, async () => {
        await secrets.rotate()
        return { text: 'All secrets are sealed under a new key.' }
      }))
}

/** For the audit, where only what may be a name goes: people paste values into the wrong field. @throws WE-PLG-003 */
function noteName(c: Context<AppEnv>, name: string): void {
  checkSecretName(name)
  noteAudit(c, { resourceId: name })
}

/** Browsers send line breaks of a form as CR LF. */
function asTyped(value: string): string {
  return value.replaceAll('\r\n', '\n')
}

function isRefusal(failure: unknown): failure is WebEncodeError {
  return failure instanceof WebEncodeError && statusOf(failure.code) < 500
}
