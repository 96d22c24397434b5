/** The FFmpeg logs of a job's tasks, attempt by attempt. */
import { readJob } from '../../kernel/db/jobs.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { UiDeps } from '../deps.ts'
import { formatBytes, nameOfSource } from '../components/format.ts'
import { Icon } from '../components/icons.tsx'
import { Empty, PageHeading } from '../components/panels.tsx'
import { taskNameFrom } from '../components/timeline.tsx'

/** Bytes of a log that the page shows: its end, where the reason of a failure is. */
const shownBytes = 256 * 1024

/** One log file. */
export interface LogFile {
  /** `<taskId>.<attempt>.log` */
  readonly name: string
  readonly taskId: string
  readonly attempt: number
  readonly sizeBytes: number
}

/** Everything that the page shows. */
export interface LogsView {
  readonly jobId: string
  readonly title: string
  readonly files: readonly LogFile[]
  readonly shown: { readonly file: LogFile; readonly text: string } | undefined
}

/** Reads the list of logs, and the end of the chosen one. @throws WE-JOB-004 */
export async function loadLogs(
  { db, storage }: Pick<UiDeps, 'db' | 'storage'>,
  jobId: string,
  chosen: { readonly name?: string | undefined; readonly taskId?: string | undefined },
): Promise<LogsView> {
  const job = await readJob(db, jobId)
  if (job === undefined) throw new WebEncodeError('WE-JOB-004', `There is no job "${jobId}"`)
  const prefix = `jobs/${jobId}/logs/`
  const { objects } = await storage.listObjects({ bucket: 'media', prefix, maxKeys: 10_000 })
  const files = objects
    .map((object) => logFileFrom(object.key.slice(prefix.length), object.size))
    .filter((file) => file !== undefined)
    .sort((a, b) => a.taskId.localeCompare(b.taskId) || a.attempt - b.attempt)
  const file = chosenLog(files, chosen)
  const shown = file && { file, text: await readEnd(storage, prefix + file.name, file.sizeBytes) }
  return { jobId, title: nameOfSource(job.source_url), files, shown }
}

/**
 * The log that was asked for: by its name, or the last one of a task. A chunk that its second run finished has no log of its own,
 * so that of the second run is shown.
 */
export function chosenLog(
  files: readonly LogFile[],
  { name, taskId }: { readonly name?: string | undefined; readonly taskId?: string | undefined },
): LogFile | undefined {
  const secondRun = taskId?.replace(/\.encode\.(\d{5})$/, '.hedge.$1')
  return files.find((file) => file.name === name) ??
    files.findLast((file) => file.taskId === taskId) ??
    files.findLast((file) => file.taskId === secondRun)
}

/** The task and attempt of a log's name; undefined for any other file. */
export function logFileFrom(name: string, sizeBytes: number): LogFile | undefined {
  const [, taskId, attempt] = /^(.+)\.(\d+)\.log$/.exec(name) ?? []
  if (taskId === undefined) return undefined
  return { name, taskId, attempt: Number(attempt), sizeBytes }
}

async function readEnd(
  storage: UiDeps['storage'],
  path: string,
  sizeBytes: number,
): Promise<string> {
  const start = Math.max(0, sizeBytes - shownBytes)
  const target = { bucket: 'media', path }
  const { body } = await storage.download(start === 0 ? target : { ...target, range: { start } })
  const text = await new Response(body).text()
  return start === 0 ? text : text.slice(text.indexOf('\n') + 1)
}

/** The whole page. */
export function LogsPage({ view }: { view: LogsView }) {
  return (
    <>
      <PageHeading title='Logs' description={view.title}>
        <a class='btn' data-variant='outline' data-size='sm' href={`/jobs/${view.jobId}`}>
          <Icon name='arrow-left' />
          Back to the job
        </a>
      </PageHeading>
      {view.files.length === 0
        ? (
          <div class='card'>
            <Empty icon='scroll-text' title='No logs yet'>
              A log appears when an attempt of a task has ended.
            </Empty>
          </div>
        )
        : (
          <div class='grid grid-cols-1 items-start gap-5 lg:grid-cols-[14rem_minmax(0,1fr)]'>
            <FileList view={view} />
            <LogText view={view} />
          </div>
        )}
    </>
  )
}

function FileList({ view }: { view: LogsView }) {
  return (
    <nav aria-label='Log files' class='card py-2'>
      <ul class='max-h-[70vh] overflow-y-auto px-2'>
        {view.files.map((file) => (
          <li>
            <a
              href={`/jobs/${view.jobId}/logs?name=${encodeURIComponent(file.name)}`}
              aria-current={file === view.shown?.file ? 'true' : undefined}
              class='flex items-center justify-between gap-2 rounded-md px-2.5 py-1.5 hover:bg-muted aria-[current=true]:bg-accent aria-[current=true]:text-accent-foreground'
            >
              <span class='truncate'>
                {taskNameFrom(file.taskId)}
                <span class='text-xs text-muted-foreground'>, attempt {file.attempt}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function LogText({ view: { jobId, shown } }: { view: LogsView }) {
  if (shown === undefined) {
    return (
      <div class='card'>
        <Empty icon='scroll-text' title='Choose a log'>The newest attempt tells the most.</Empty>
      </div>
    )
  }
  const { file, text } = shown
  return (
    <section class='card' aria-label='Log'>
      <header>
        <h2>{taskNameFrom(file.taskId)}</h2>
        <p>
          Attempt {file.attempt} · {formatBytes(file.sizeBytes)}
          {file.sizeBytes > shownBytes && ` · the last ${formatBytes(shownBytes)}`}
        </p>
        <div class='card-action'>
          <a
            class='btn'
            data-variant='outline'
            data-size='sm'
            href={`/v1/jobs/${jobId}/logs/${encodeURIComponent(file.name)}`}
            download={file.name}
          >
            <Icon name='download' />
            Download
          </a>
        </div>
      </header>
      <section>
        <pre class='log max-h-[70vh]' tabindex={0}>{text === '' ? '(empty)' : text}</pre>
      </section>
    </section>
  )
}
