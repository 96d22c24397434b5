/** A sentence that survives one redirect: what just happened, kept in a cookie until the next page shows it. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { WebEncodeError } from '../kernel/errors.ts'
import { noteAudit } from '../kernel/http/audit.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { statusOf } from '../kernel/http/problem.ts'
import type { Notice } from './components/panels.tsx'

const cookieName = 'webencode_notice'
const noticeSchema = z.strictObject({
  tone: z.enum(['success', 'danger']),
  text: z.string().max(1000),
})

/** Redirects to a page that will show the notice. */
export function redirectWithNotice(c: Context<AppEnv>, path: string, notice: Notice): Response {
  const text = notice.text.length > 1000 ? `${notice.text.slice(0, 999)}…` : notice.text
  setCookie(c, cookieName, JSON.stringify({ ...notice, text }), {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: 60,
  })
  return c.redirect(path, 303)
}

/** The notice that waits, which is shown once. */
export function takeNotice(c: Context<AppEnv>): Notice | undefined {
  const text = getCookie(c, cookieName)
  if (text === undefined) return undefined
  deleteCookie(c, cookieName, { path: '/' })
  const parsed = noticeSchema.safeParse(jsonOf(text))
  return parsed.success ? parsed.data : undefined
}

/**
 * Runs what a button asks for and goes to `path` with the answer, unless that is a page of its own. A refusal becomes a notice there; failures of the server
 * itself go on to the error page.
 */
export async function act(
  c: Context<AppEnv>,
  path: string,
  work: () => Promise<
    Response | { readonly path?: string; readonly text: string; readonly tone?: Notice['tone'] }
  >,
): Promise<Response> {
  try {
    const done = await work()
    if (done instanceof Response) return done
    return redirectWithNotice(c, done.path ?? path, {
      tone: done.tone ?? 'success',
      text: done.text,
    })
  } catch (failure) {
    if (!(failure instanceof WebEncodeError) || statusOf(failure.code) >= 500) throw failure
    // The redirect looks like a success.
    noteAudit(c, { outcome: 'failed', detail: { error_code: failure.code } })
    return redirectWithNotice(c, path, { tone: 'danger', text: failure.message })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined
    throw failure
  }
}
