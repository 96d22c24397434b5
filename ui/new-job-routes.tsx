/** Addresses of the page that makes a job. */
import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { noteAudit } from '../kernel/http/audit.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { readForm } from '../kernel/http/form.ts'
import { storeUpload } from '../kernel/http/stored-upload.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Assets } from './assets.ts'
import { FileBrowser } from './components/file-browser.tsx'
import type { UiDeps } from './deps.ts'
import { type Folder, loadFolder } from './folder.ts'
import { redirectWithNotice } from './notice.ts'
import { fragment, page } from './page.ts'
import {
  createJobFrom,
  type FieldErrors,
  fieldErrorsFrom,
  type NewJobForm,
  newJobFormFrom,
} from './pages/new-job-form.ts'
import { NewJobPage } from './pages/new-job.tsx'

/** Routes below `/jobs/new`. */
export function newJobRoutes(deps: UiDeps, assets: Assets) {
  const { gateway, profiles, storages } = deps
  const show = async (c: Context<AppEnv>, form: NewJobForm, errors: FieldErrors) => {
    const folder = await openFolder(c)
    const key = form.key === '' ? randomUUID() : form.key
    const view = { form: { ...form, key }, errors, profiles, folder, csrfToken: csrfToken(c) }
    if (Object.keys(errors).length > 0) c.status(422)
    return await page(c, assets, 'New job', <NewJobPage view={view} />)
  }
  /** A folder that cannot be opened shows the roots instead. */
  const openFolder = async (c: Context<AppEnv>): Promise<Folder> => {
    try {
      const { folder: path = '', plugin: pluginId } = c.req.query()
      return await loadFolder(storages, { path, pluginId })
    } catch (failure) {
      if (!(failure instanceof WebEncodeError)) throw failure
      deps.log.info('a folder could not be opened', { error: failure })
      return await loadFolder(storages, { path: '' })
    }
  }

  return new Hono<AppEnv>()
    .get('/jobs/new', (c) => show(c, newJobFormFrom(c.req.query()), {}))
    .get('/jobs/new/files', async (c) => {
      return fragment(c, <FileBrowser folder={await openFolder(c)} chosen='' />)
    })
    .post('/jobs/new', async (c) => {
      const form = newJobFormFrom(await readForm(c))
      const made = createJobFrom(form, profiles)
      if ('errors' in made) return await show(c, form, made.errors)
      const { request } = made
      try {
        const job = await gateway.submitJob(request, currentCaller(c), form.key || undefined)
        noteAudit(c, { resourceId: job.id, detail: { profile: job.profile } })
        return c.redirect(`/jobs/${job.id}`, 303)
      } catch (failure) {
        const errors = fieldErrorsFrom(failure, form)
        if (errors === undefined) throw failure
        // The key belongs to the request that was refused; a corrected one is another request.
        return await show(c, { ...form, key: '' }, errors)
      }
    })
    .post('/jobs/new/upload', async (c) => {
      const path = await receiveUpload(c, deps)
      noteAudit(c, { resourceId: path })
      const query = new URLSearchParams({ kind: 'upload', source_upload: `fs://${path}` })
      return redirectWithNotice(c, `/jobs/new?${query}`, {
        tone: 'success',
        text: 'The file was uploaded. Choose a profile and create the job.',
      })
    })
}

/** Streams the form's file into storage; for browsers without scripts. */
async function receiveUpload(c: Context<AppEnv>, deps: UiDeps): Promise<string> {
  const limits = { maxBytes: deps.maxUploadBytes, bareName: undefined }
  const { key } = await storeUpload(c, deps.storages, limits)
  return key
}
