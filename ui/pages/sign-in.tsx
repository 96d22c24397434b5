/** The sign-in page. */
import { TextField } from '../components/forms.tsx'
import type { Notice } from '../components/panels.tsx'
import { NoticeBanner } from '../components/panels.tsx'

/** Everything that the page shows. */
export interface SignInView {
  /** Where to go afterwards: a path of this server. */
  readonly next: string
  readonly username: string
  readonly logoUrl: string
  /** Name of the identity provider; absent: there is none. */
  readonly provider?: string | undefined
  readonly notice?: Notice | undefined
}

/** User name and password; a one-time link of the terminal needs neither. */
export function SignInPage({ view }: { view: SignInView }) {
  return (
    <main class='flex min-h-dvh items-center justify-center px-4 py-12'>
      <div class='w-full max-w-sm'>
        <div class='mb-8 flex flex-col items-center gap-3 text-center'>
          <img src={view.logoUrl} alt='' width='64' height='64' />
          <h1 class='text-2xl font-semibold tracking-tight'>Sign in to WebEncode</h1>
        </div>
        {view.notice && <NoticeBanner notice={view.notice} />}
        {view.provider !== undefined && (
          <a
            class='btn mb-5 w-full'
            data-size='lg'
            href={`/auth/oidc/start?next=${encodeURIComponent(view.next)}`}
          >
            Sign in with {view.provider}
          </a>
        )}
        <section class='card'>
          <section>
            <form method='post' action='/auth/login' class='flex flex-col gap-4'>
              <input type='hidden' name='next' value={view.next} />
              <TextField
                name='username'
                label='User name'
                value={view.username}
                autocomplete='username'
                required
              />
              <TextField
                name='password'
                label='Password'
                type='password'
                autocomplete='current-password'
                required
              />
              <button
                type='submit'
                class='btn mt-1 w-full'
                data-size='lg'
                data-variant={view.provider === undefined ? undefined : 'outline'}
              >
                Sign in
              </button>
            </form>
          </section>
        </section>
        <p class='mt-6 text-center text-xs text-muted-foreground'>
          First start? Open the one-time link that the server printed in its terminal. The command
          {' '}
          <code>npx webencode link</code> prints a new one.
        </p>
      </div>
    </main>
  )
}
