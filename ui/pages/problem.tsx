/** The page of a failure: what happened, and what to do next. */
import type { Problem } from '../../kernel/http/problem.ts'
import { Icon, type IconName } from '../components/icons.tsx'

const icons: Readonly<Record<number, IconName>> = { 403: 'ban', 404: 'search' }

/** A failure in the middle of the page. */
export function ProblemPage({ problem }: { problem: Problem }) {
  return (
    <div class='mx-auto flex max-w-lg flex-col items-center gap-3 px-4 py-16 text-center'>
      <span class='flex size-12 items-center justify-center rounded-full bg-muted'>
        <Icon
          name={icons[problem.status] ?? 'triangle-alert'}
          class='size-6 text-muted-foreground'
        />
      </span>
      <p class='font-mono text-xs text-muted-foreground'>{problem.status} · {problem.code}</p>
      <h1 class='text-2xl font-semibold tracking-tight'>{problem.message}</h1>
      <p class='break-words'>{problem.details}</p>
      <p class='text-muted-foreground'>{problem.resolution}</p>
      <div class='mt-4 flex flex-wrap justify-center gap-2'>
        <a class='btn' href='/dashboard'>Go to the dashboard</a>
        <a class='btn' data-variant='outline' href='/jobs'>See the jobs</a>
      </div>
      <p class='mt-6 text-xs text-muted-foreground'>
        Request <span class='font-mono'>{problem.request_id}</span>
      </p>
    </div>
  )
}
