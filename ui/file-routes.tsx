/** Addresses of the page of files. */
import { type Context, Hono } from 'hono'
import { WebEncodeError } from '../kernel/errors.ts'
import { csrfToken } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { storeUpload } from '../kernel/http/stored-upload.ts'
import type { Assets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { type Folder, type FolderWish, loadFolder } from './folder.ts'
import { redirectWithNotice } from './notice.ts'
import { page } from './page.ts'
import { FilesPage } from './pages/files.tsx'

/** Routes below `/files`. */
export function filePageRoutes(deps: UiDeps, assets: Assets) {
  return new Hono<AppEnv>()
    .get('/files', async (c) => {
      const { search = '', uploaded = '' } = c.req.query()
      const showHidden = c.req.query('show_hidden') === 'true'
      const folder = await openFolder(deps, wishOf(c, search.slice(0, 200), showHidden))
      const now = deps.clock.now()
      const view = { folder, search, showHidden, uploaded, now, csrfToken: csrfToken(c) }
      return await page(c, assets, 'Files', <FilesPage view={view} />)
    })
    .post('/files/upload', async (c) => {
      const limits = { maxBytes: deps.maxUploadBytes, bareName: undefined }
      const { sourceUrl } = await storeUpload(c, deps.storages, limits)
      return redirectWithNotice(c, `/files?${new URLSearchParams({ uploaded: sourceUrl })}`, {
        tone: 'success',
        text: 'The file was uploaded.',
      })
    })
}

function wishOf(c: Context<AppEnv>, search: string, showHidden: boolean): FolderWish {
  const { plugin: pluginId, path = '' } = c.req.query()
  return { pluginId, path, showHidden, ...(search !== '' && { search }) }
}

/** A folder that cannot be opened shows the roots instead. */
async function openFolder(deps: UiDeps, wish: FolderWish): Promise<Folder> {
  try {
    return await loadFolder(deps.storages, wish)
  } catch (failure) {
    if (!(failure instanceof WebEncodeError) || wish.path === '') throw failure
    deps.log.info('a folder could not be opened', { error: failure })
    return await loadFolder(deps.storages, { path: '' })
  }
}
