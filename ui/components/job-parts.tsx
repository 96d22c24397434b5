/** The parts of a job's page: steps, failure, outputs, facts and timeline. */
import type { JobPhase, JobView, TaskView } from '../../kernel/contract/job.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { OutputFile } from '../../kernel/contract/task.ts'
import { errorCatalog } from '../../kernel/errors.ts'
import { formatBytes, formatDuration, formatSpeed } from './format.ts'
import { Icon, SummaryMark } from './icons.tsx'
import { nameOfChannels, nameOfCodec, nameOfFormat } from './media-words.ts'
import { Facts } from './panels.tsx'

/** What the verification found, as it is stored. */
export type JobReport = Readonly<Record<string, string | number | boolean>>

const steps: readonly (readonly [phase: JobPhase, label: string])[] = [
  ['queued', 'Queued'],
  ['probing', 'Probe'],
  ['encoding', 'Encode'],
  ['stitching', 'Stitch'],
  ['verifying', 'Verify'],
  ['completed', 'Done'],
]

/** Where the job is on its way. A job that failed or was cancelled shows no way. */
export function Steps({ phase }: { phase: JobPhase }) {
  const at = steps.findIndex(([step]) => step === phase)
  if (at === -1) return null
  return (
    <ol class='flex items-center text-xs' aria-label='Steps'>
      {steps.map(([, label], i) => {
        const isDone = i < at || phase === 'completed'
        return (
          <li
            class='flex items-center not-last:flex-1'
            aria-current={i === at ? 'step' : undefined}
          >
            <span
              class={`flex items-center gap-1.5 ${
                i === at || isDone ? 'text-foreground' : 'text-muted-foreground'
              } ${i === at ? 'font-medium' : ''}`}
            >
              <Icon
                name={isDone ? 'circle-check' : i === at ? 'loader-circle' : 'circle-dashed'}
                class={`size-4 ${
                  isDone ? 'text-success' : i === at ? 'animate-spin text-brand' : ''
                }`}
              />
              <span class={i === at ? '' : 'max-sm:sr-only'}>{label}</span>
            </span>
            {i < steps.length - 1 && (
              <span
                class={`mx-2 h-px min-w-3 flex-1 ${i < at ? 'bg-success' : 'bg-border'}`}
                aria-hidden='true'
              />
            )}
          </li>
        )
      })}
    </ol>
  )
}

/** Why a job failed, in words, and what can be done. */
export function FailureCard({ error }: { error: NonNullable<JobView['error']> }) {
  const entry = Object.entries(errorCatalog).find(([code]) => code === error.code)?.[1]
  return (
    <section class='card border-s-4 border-danger' aria-label='Why it failed' id='failure'>
      <section class='flex flex-col gap-3'>
        <div class='flex items-center gap-2.5'>
          <Icon name='circle-alert' class='size-5 text-danger' />
          <h2 class='text-base font-semibold'>{entry?.title ?? 'The job failed'}</h2>
          <span class='badge font-mono' data-tone='danger'>{error.code}</span>
        </div>
        <p class='break-words'>{error.message}</p>
        {entry && (
          <p class='text-muted-foreground'>
            <span class='font-medium text-foreground'>What to do:</span> {entry.resolution}
          </p>
        )}
        {error.detail && (
          <details>
            <summary class='flex w-fit items-center gap-1.5 font-medium'>
              <SummaryMark />
              What the encoder said last
            </summary>
            <pre class='log mt-3 max-h-80'>{error.detail}</pre>
          </details>
        )}
      </section>
    </section>
  )
}

/** The finished files with their checksums. */
export function OutputList({ jobId, outputs }: { jobId: string; outputs: readonly OutputFile[] }) {
  return (
    <ul class='flex flex-col divide-y divide-border'>
      {outputs.map((output) => (
        <li class='flex flex-wrap items-center gap-x-4 gap-y-2 py-3 first:pt-0 last:pb-0'>
          <div class='min-w-0 flex-1'>
            <span class='block truncate font-medium'>{output.name}</span>
            <span class='block text-xs text-muted-foreground'>
              {formatBytes(output.object.sizeBytes)} · {output.contentType}
            </span>
            <button
              type='button'
              class='group mt-0.5 block max-w-full cursor-pointer truncate text-start font-mono text-xs text-muted-foreground hover:text-foreground'
              data-copy={output.object.sha256}
              title='Copy the SHA-256 checksum'
            >
              <span class='font-sans font-medium group-data-copied:hidden'>sha256</span>
              <span class='hidden font-sans font-medium text-success-text group-data-copied:inline'>
                copied
              </span>{' '}
              {output.object.sha256}
            </button>
          </div>
          <a
            class='btn'
            data-size='sm'
            href={outputUrl(jobId, output.name)}
            download={output.name}
          >
            <Icon name='download' />
            Download
          </a>
        </li>
      ))}
    </ul>
  )
}

/** The promise that the verification kept, in one sentence; nothing for what has no frames. */
export function VerifiedSentence({ report }: { report: JobReport }) {
  const { frames } = report
  if (typeof frames !== 'number' || frames === 0) return null
  return (
    <p class='flex items-start gap-2.5 rounded-lg bg-success/12 px-4 py-3 text-success-text'>
      <Icon name='shield-check' class='mt-0.5 size-4' />
      <span>
        <span class='font-medium'>Verified:</span> {frames === 1
          ? 'its one frame is there.'
          : `all ${frames.toLocaleString('en')} frames are there.`}
      </span>
    </p>
  )
}

/** Plays an output that browsers can play. It keeps playing while the page around it changes. */
export function Player({ jobId, output }: { jobId: string; output: OutputFile }) {
  const url = outputUrl(jobId, output.name)
  if (output.contentType.startsWith('audio/')) {
    return <audio id='player' class='w-full' controls preload='metadata' src={url} hx-morph-skip />
  }
  return (
    <video
      id='player'
      class='aspect-video w-full rounded-xl bg-black'
      controls
      playsinline
      preload='metadata'
      // The fragment makes browsers show the first picture; `client/poster.ts` finds a better one.
      src={`${url}#t=0.001`}
      data-poster={url}
      aria-label={output.name}
      hx-morph-skip
    />
  )
}

/** Stable address of an output; it answers byte ranges. */
function outputUrl(jobId: string, name: string): string {
  return `/v1/jobs/${encodeURIComponent(jobId)}/outputs/${encodeURIComponent(name)}`
}

/** What is known about the source. */
export function MediaFacts({ media }: { media: NonNullable<JobView['media']> }) {
  const { width, height, duration_seconds, size_bytes, fps } = media
  const frames = media['total_frames']
  const isNumber = (value: Json | undefined): value is number => typeof value === 'number'
  return (
    <Facts
      facts={[
        ['Length', isNumber(duration_seconds) ? formatDuration(duration_seconds) : null],
        ['Size', isNumber(size_bytes) ? formatBytes(size_bytes) : null],
        ['Format', named(media['format'], nameOfFormat)],
        ['Video', named(media['video_codec'], nameOfCodec)],
        ['Picture', isNumber(width) && isNumber(height) ? `${width} × ${height}` : null],
        ['Frame rate', isNumber(fps) ? `${Number(fps.toFixed(3))} fps` : null],
        [
          'Frames',
          // A job of sound alone has none.
          isNumber(frames) && frames > 0 ? frames.toLocaleString('en') : null,
        ],
        ['Audio', audioOf(media)],
      ]}
    />
  )
}

function audioOf({ audio_codec, audio_channels }: NonNullable<JobView['media']>): string {
  const codec = named(audio_codec, nameOfCodec)
  if (codec === null) return 'none'
  return typeof audio_channels === 'number' ? `${codec}, ${nameOfChannels(audio_channels)}` : codec
}

function named(value: Json | undefined, nameOf: (text: string) => string): string | null {
  return typeof value === 'string' ? nameOf(value) : null
}

const reportNames: Readonly<Record<string, string>> = {
  videoSeconds: 'Video',
  audioSeconds: 'Audio',
  decodedSeconds: 'Test decoded',
  sizeBytes: 'Size',
}

/** Zero where the output does not have such a stream. */
const ofStream: ReadonlySet<string> = new Set(['frames', 'videoSeconds', 'audioSeconds'])

function reportValue(name: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (name.endsWith('Seconds')) return `${Number(value.toFixed(3)).toLocaleString('en')} s`
  return name.endsWith('Bytes') ? formatBytes(value) : value.toLocaleString('en')
}

/** What verification checked before the job was called complete. */
export function ReportFacts(
  { report }: { report: JobReport },
) {
  return (
    <Facts
      facts={Object.entries(report)
        .filter(([name, value]) => !(value === 0 && ofStream.has(name)))
        .map(([name, value]) => [
          reportNames[name] ?? sentenceCase(name),
          reportValue(name, value),
        ])}
    />
  )
}

/**
 * The pace of the chunks that are being encoded, together: `310 fps · 12× real time`. One that has just begun and has no
 * figures yet counts as the others do, so that the sum does not drop with every new chunk.
 */
export function paceSentence(
  tasks: readonly Pick<TaskView, 'kind' | 'fps' | 'speed'>[],
): string {
  const chunks = tasks.filter(({ kind }) => kind === 'encode')
  const fps = totalOf(chunks.map((chunk) => chunk.fps))
  const speed = totalOf(chunks.map((chunk) => chunk.speed))
  return [fps > 0 && `${Math.round(fps)} fps`, speed > 0 && `${formatSpeed(speed)} real time`]
    .filter(Boolean).join(' · ')
}

function totalOf(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null)
  const sum = known.reduce((total, value) => total + value, 0)
  return known.length === 0 ? 0 : (sum * values.length) / known.length
}

function sentenceCase(name: string): string {
  const words = name.replaceAll('_', ' ').replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
