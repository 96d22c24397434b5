/** The frame of every page: head, navigation, notice and content. */
import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { Caller } from '../../kernel/gateway.ts'
import type { Assets } from '../assets.ts'
import { activeHref, navigationFor, type NavigationGroup } from '../navigation.ts'
import { csrfField } from './forms.tsx'
import { Icon, type IconName } from './icons.tsx'
import { type Notice, NoticeBanner } from './panels.tsx'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** What the frame needs to know of a request. */
export interface Frame {
  readonly assets: Assets
  readonly path: string
  readonly theme: Theme
  /** Absent before sign-in. */
  readonly caller?: Caller | undefined
  readonly csrfToken: string
  readonly notice?: Notice | undefined
}

/** htmx neither evaluates code nor touches what a person opened. */
const htmxConfig = JSON.stringify({
  includeIndicatorCSS: false,
  morphIgnore: ['data-htmx-powered', 'open'],
  history: 'reload',
})

/** The scripts that only some pages need. */
const pageScripts: readonly (readonly [name: string, on: RegExp])[] = [
  ['upload.js', /^\/(jobs\/new|files)$/],
  ['poster.js', /^\/jobs\/(?!new$)[^/]+$/],
]

/** A whole document. */
export function renderDocument(frame: Frame, title: string, content: Child) {
  return html`<!doctype html>${(
    <Document frame={frame} title={title}>
      {frame.caller === undefined
        ? content
        : <Shell frame={frame} caller={frame.caller}>{content}</Shell>}
    </Document>
  )}`
}

function Document({ frame, title, children }: { frame: Frame; title: string; children: Child }) {
  const { assets, theme, path } = frame
  return (
    <html lang='en' class={theme === 'dark' ? 'dark' : undefined} data-theme={theme}>
      <head>
        <meta charset='utf-8' />
        <meta name='viewport' content='width=device-width, initial-scale=1' />
        <meta name='color-scheme' content={theme === 'system' ? 'light dark' : theme} />
        <meta name='htmx-config' content={htmxConfig} />
        <title>{`${title} · WebEncode`}</title>
        <link rel='icon' type='image/svg+xml' href={assets.url('logo.svg')} />
        <link rel='stylesheet' href={assets.url('app.css')} />
        <script src={assets.url('theme.js')} />
        <script src={assets.url('htmx.js')} defer />
        <script src={assets.url('page.js')} type='module' />
        <script src={assets.url('live.js')} type='module' />
        {pageScripts.filter(([, on]) => on.test(path)).map(([name]) => (
          <script src={assets.url(name)} type='module' />
        ))}
      </head>
      <body class='min-h-dvh bg-background text-foreground'>{children}</body>
    </html>
  )
}

function Shell({ frame, caller, children }: { frame: Frame; caller: Caller; children: Child }) {
  return (
    <>
      <a
        href='#content'
        class='btn sr-only focus:not-sr-only focus:fixed focus:top-3 focus:left-3 focus:z-50 focus:inline-flex focus:h-9 focus:px-3'
      >
        Skip to content
      </a>
      <header class='sticky top-0 z-30 flex h-14 items-center justify-between border-b border-border bg-sidebar px-4 lg:hidden'>
        <Brand frame={frame} />
        <button
          type='button'
          class='btn'
          data-variant='ghost'
          data-size='icon'
          popovertarget='menu'
          aria-label='Menu'
        >
          <Icon name='menu' class='size-5' />
        </button>
      </header>
      <div
        id='menu'
        popover='auto'
        class='fixed inset-y-0 right-0 left-auto m-0 h-dvh w-72 max-w-[85vw] flex-col border-l border-border bg-sidebar p-4 shadow-xl backdrop:bg-slate-950/50 open:flex lg:hidden'
      >
        <Navigation frame={frame} caller={caller} label='Main, small screen' />
      </div>
      <div class='lg:grid lg:grid-cols-[14.5rem_minmax(0,1fr)]'>
        <aside class='sticky top-0 hidden h-dvh flex-col border-r border-border bg-sidebar p-3 lg:flex'>
          <div class='px-2 pt-2 pb-5'>
            <Brand frame={frame} />
          </div>
          <Navigation frame={frame} caller={caller} label='Main' />
        </aside>
        <main
          id='content'
          class='mx-auto w-full max-w-7xl min-w-0 px-4 py-6 sm:px-6 lg:px-8 lg:py-8'
        >
          <p
            role='status'
            class='connection-lost fixed right-4 bottom-4 z-40 items-center gap-2 rounded-full border border-border bg-popover px-3.5 py-2 text-xs shadow-lg'
          >
            <Icon name='wifi-off' class='size-3.5 text-warning-text' />
            Connection lost, trying again
          </p>
          {frame.notice && <NoticeBanner notice={frame.notice} />}
          {children}
        </main>
      </div>
    </>
  )
}

function Brand({ frame }: { frame: Frame }) {
  return (
    <a
      href='/dashboard'
      class='flex items-center gap-2.5 text-[0.9375rem] font-semibold tracking-tight'
    >
      <img src={frame.assets.url('logo.svg')} alt='' width='28' height='28' />
      WebEncode
    </a>
  )
}

function Navigation({ frame, caller, label }: { frame: Frame; caller: Caller; label: string }) {
  const active = activeHref(frame.path)
  return (
    <>
      <nav aria-label={label} class='flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto'>
        {navigationFor(caller.role).map((group) => (
          <NavigationEntries group={group} active={active} />
        ))}
      </nav>
      <div class='flex flex-col gap-3 border-t border-border pt-3'>
        <ThemeSwitch frame={frame} />
        <div class='flex items-center justify-between gap-2 px-2'>
          <span class='min-w-0'>
            <span class='block truncate font-medium' title={caller.username}>
              {caller.username}
            </span>
            <span class='block text-xs text-muted-foreground capitalize'>{caller.role}</span>
          </span>
          <form method='post' action='/auth/logout'>
            <input type='hidden' name={csrfField} value={frame.csrfToken} />
            <button
              type='submit'
              class='btn'
              data-variant='ghost'
              data-size='icon-sm'
              aria-label='Sign out'
              title='Sign out'
            >
              <Icon name='log-out' />
            </button>
          </form>
        </div>
      </div>
    </>
  )
}

function NavigationEntries(
  { group: { title, items }, active }: { group: NavigationGroup; active: string | undefined },
) {
  return (
    <div>
      {title !== undefined && (
        <p class='px-2.5 pb-1 text-xs font-medium text-muted-foreground'>{title}</p>
      )}
      <ul class='flex flex-col gap-0.5' aria-label={title}>
        {items.map((item) => (
          <li>
            <a
              href={item.href}
              aria-current={item.href === active ? 'page' : undefined}
              class='flex h-9 items-center gap-3 rounded-md px-2.5 font-medium text-foreground/80 transition-colors hover:bg-muted hover:text-foreground focus-visible:-outline-offset-2 aria-[current=page]:bg-accent aria-[current=page]:text-accent-foreground dark:aria-[current=page]:bg-brand/20'
            >
              <Icon name={item.icon} />
              {item.label}
            </a>
          </li>
        ))}
      </ul>
    </div>
  )
}

const themeIcons: Record<Theme, IconName> = { system: 'sun-moon', light: 'sun', dark: 'moon' }

function ThemeSwitch({ frame }: { frame: Frame }) {
  return (
    <form
      method='post'
      action='/preferences/theme'
      class='grid grid-cols-3 gap-1 rounded-lg bg-muted p-1'
      aria-label='Theme'
    >
      <input type='hidden' name={csrfField} value={frame.csrfToken} />
      <input type='hidden' name='back' value={frame.path} />
      {themes.map((theme) => (
        <button
          type='submit'
          name='theme'
          value={theme}
          aria-pressed={theme === frame.theme ? 'true' : 'false'}
          aria-label={`${theme} theme`}
          title={`${theme} theme`}
          class='flex h-7 cursor-pointer items-center justify-center rounded-md text-muted-foreground hover:text-foreground aria-pressed:bg-card aria-pressed:text-foreground aria-pressed:shadow-xs'
        >
          <Icon name={themeIcons[theme]} />
        </button>
      ))}
    </form>
  )
}
