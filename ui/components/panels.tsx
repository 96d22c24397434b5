/** The building blocks of pages: headings, cards, figures, facts, notices and empty states. */
import type { Child } from 'hono/jsx'
import { Icon, type IconName } from './icons.tsx'

/** The heading of a page with what can be done on it. */
export function PageHeading(
  { title, description, children }: { title: string; description?: string; children?: Child },
) {
  return (
    <div class='mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3'>
      <div class='min-w-0 flex-1 basis-52'>
        <h1 class='text-xl font-semibold tracking-tight text-balance'>{title}</h1>
        {description && <p class='mt-1 text-muted-foreground'>{description}</p>}
      </div>
      {children && <div class='flex flex-wrap items-center gap-2'>{children}</div>}
    </div>
  )
}

/** A card with a heading; `flush` lets a table reach its edges. */
export function Panel(
  { title, description, action, flush = false, id, children }: {
    title: string
    description?: string
    action?: Child
    flush?: boolean
    id?: string
    children: Child
  },
) {
  return (
    <section class={`card ${flush ? 'gap-2 pb-1' : ''}`} id={id} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {description && <p>{description}</p>}
        {action && <div class='card-action'>{action}</div>}
      </header>
      {flush ? children : <section class='min-w-0'>{children}</section>}
    </section>
  )
}

/** A token that is kept nowhere, to be copied. */
export function ShownOnce({ token }: { token: string }) {
  return (
    <div class='flex flex-col gap-2' role='status'>
      <p>Copy it now: it is shown this once, and kept nowhere.</p>
      <CopyBox text={token} />
    </div>
  )
}

/** One figure of the dashboard. */
export function Figure(
  { label, value, note, icon, href, children }: {
    label: string
    value: string
    note?: string
    icon: IconName
    href: string
    children?: Child
  },
) {
  return (
    <a
      href={href}
      class='card gap-2 px-5 py-4 transition-shadow hover:ring-brand/50'
    >
      <span class='flex items-center justify-between text-muted-foreground'>
        <span class='font-medium'>{label}</span>
        <Icon name={icon} class='size-4' />
      </span>
      <span class='text-2xl font-semibold tracking-tight tabular-nums'>{value}</span>
      {children}
      <span class='min-h-5 text-muted-foreground'>{note}</span>
    </a>
  )
}

/** Facts as pairs of name and value; a value that is null is left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, Child])[] }) {
  return (
    <dl class='grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2'>
      {facts.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => (
        <>
          <dt class='text-muted-foreground'>{name}</dt>
          <dd class='min-w-0 text-end break-words'>{value}</dd>
        </>
      ))}
    </dl>
  )
}

/** What a page says when there is nothing to show yet, and what to do next. */
export function Empty(
  { icon, title, children, action }: {
    icon: IconName
    title: string
    children?: Child
    action?: Child
  },
) {
  return (
    <div class='empty py-10'>
      <header>
        <figure>
          <Icon name={icon} class='size-5' />
        </figure>
        <h3>{title}</h3>
        <p>{children}</p>
      </header>
      {action && <section>{action}</section>}
    </div>
  )
}

/** What just happened, or went wrong. */
export interface Notice {
  readonly tone: 'success' | 'danger'
  readonly text: string
}

/** A notice above the page. */
export function NoticeBanner({ notice }: { notice: Notice }) {
  const isError = notice.tone === 'danger'
  return (
    <div
      class={`mb-5 flex items-start gap-2.5 rounded-lg px-4 py-3 ${
        isError ? 'bg-danger/10 text-danger-text' : 'bg-success/12 text-success-text'
      }`}
      role={isError ? 'alert' : 'status'}
    >
      <Icon name={isError ? 'circle-alert' : 'circle-check'} class='mt-0.5 size-4' />
      <span class='min-w-0 break-words'>{notice.text}</span>
    </div>
  )
}

/** Text to take along, and a button that copies it. */
export function CopyBox({ text }: { text: string }) {
  return (
    <div class='flex items-start gap-2 rounded-lg bg-muted p-3'>
      <code class='min-w-0 flex-1 font-mono text-xs/5 break-all select-all'>{text}</code>
      <button
        type='button'
        class='btn group'
        data-variant='outline'
        data-size='sm'
        data-copy={text}
      >
        <span class='group-data-copied:hidden'>Copy</span>
        <span class='hidden text-success-text group-data-copied:inline'>Copied</span>
      </button>
    </div>
  )
}

/** Text that a click copies; `shown` is its short form. */
export function CopyText({ text, shown = text }: { text: string; shown?: string }) {
  return (
    <button
      type='button'
      class='group cursor-pointer font-mono text-xs hover:underline'
      data-copy={text}
      title={`Copy ${text}`}
    >
      <span class='group-data-copied:hidden'>{shown}</span>
      <span class='hidden font-sans text-success-text group-data-copied:inline'>Copied</span>
    </button>
  )
}
