/** The two pages of signing in that need no user interface: the one of a one-time link, and the one after signing out. */
import { html } from 'hono/html'

/** The page behind a one-time link: its button signs in. */
export function linkPage(code: string) {
  return smallPage(
    'Sign in to WebEncode',
    html`
      <p>This link signs you in once, without a password.</p>
      <form method="post" action="/auth/link">
        <input type="hidden" name="code" value="${code}">
        <button class="btn w-full" data-size="lg" type="submit" autofocus>Sign in</button>
      </form>
    `,
  )
}

/** Not a redirect: our policy lets no form lead to another site, and browsers hold redirects of its answer to that. */
export function leavePage(url: string) {
  return smallPage(
    'Signed out',
    html`
      <p>You are signed out here.</p>
      <a class="btn w-full" data-size="lg" href="${url}">Sign out at the identity provider too</a>
    `,
    html`<meta http-equiv="refresh" content="0; url=${url}">`,
  )
}

/** The build looks here for the names of classes, as it does in the pages. */
function smallPage(title: string, content: ReturnType<typeof html>, head: typeof content = html``) {
  return html`<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    ${head}
    <title>${title} · WebEncode</title>
    <link rel="icon" type="image/svg+xml" href="/assets/logo.svg">
    <link rel="stylesheet" href="/assets/app.css">
    <script src="/assets/theme.js"></script>
  </head>
  <body class="bg-background text-foreground">
    <main class="flex min-h-dvh items-center justify-center px-4 py-12">
      <div class="flex w-full max-w-sm flex-col items-center gap-6 text-center">
        <img src="/assets/logo.svg" alt="" width="64" height="64">
        <h1 class="text-2xl font-semibold tracking-tight">${title}</h1>
        <div class="flex w-full flex-col gap-6 text-muted-foreground">${content}</div>
      </div>
    </main>
  </body>
</html>`
}
