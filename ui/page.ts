/** Answers a request with a whole page, or with a fragment of one. */
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import type { Child } from 'hono/jsx'
import type { AppEnv } from '../kernel/http/deps.ts'
import type { Assets } from './assets.ts'
import { type Frame, renderDocument, type Theme, themes } from './components/layout.tsx'
import { takeNotice } from './notice.ts'

/** Name of the cookie that keeps the chosen theme. */
export const themeCookie = 'webencode_theme'

/** The frame of the page that answers this request. */
export function frameOf(c: Context<AppEnv>, assets: Assets): Frame {
  const identity = c.get('identity')
  return {
    assets,
    path: c.req.path,
    theme: themeFrom(getCookie(c, themeCookie)),
    caller: identity?.caller,
    csrfToken: identity?.csrfToken ?? '',
    notice: takeNotice(c),
  }
}

/** The theme that a cookie or form names; `system` when it is none. */
export function themeFrom(text: string | undefined): Theme {
  return themes.find((theme) => theme === text) ?? 'system'
}

/** A whole page. It is private and asked for anew each time, so that nobody reads another's. */
export function page(
  c: Context<AppEnv>,
  assets: Assets,
  title: string,
  content: Child,
): Response | Promise<Response> {
  c.header('Cache-Control', 'private, no-cache')
  return c.html(renderDocument(frameOf(c, assets), title, content))
}

/** A part of a page, for htmx. */
export function fragment(c: Context<AppEnv>, content: Child): Response | Promise<Response> {
  c.header('Cache-Control', 'private, no-cache')
  return c.html(content as string | Promise<string>)
}
