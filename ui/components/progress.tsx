/** Progress: the bar, and the strip with one cell for each chunk of a job. */
import type { TaskView } from '../../kernel/contract/job.ts'
import { type ChunkCell, chunkCells } from './chunk-cells.ts'
import { formatCount, formatPercent, formatTimecode } from './format.ts'
import { labelOfTask, type Tone } from './status.tsx'

/** A bar from 0 to 100; `label` says to screen readers what makes progress. */
export function ProgressBar(
  { percent, label, tone = 'active', size = 'sm' }: {
    percent: number
    label: string
    tone?: Tone
    size?: 'sm' | 'lg'
  },
) {
  return (
    <progress
      class='bar'
      value={String(Math.round(percent * 10) / 10)}
      max='100'
      data-tone={tone}
      data-size={size}
      aria-label={label}
      aria-valuetext={formatPercent(percent)}
    />
  )
}

/** More cells than this are drawn small. */
const denseFrom = 240
/** Up to so many cells stand in one row, each as wide as its part of the video is long. */
const mostInOneRow = 40
/** The widths of such a row, as classes: the content security policy forbids style attributes. */
const widths = [
  'grow-1',
  'grow-2',
  'grow-3',
  'grow-4',
  'grow-5',
  'grow-6',
  'grow-7',
  'grow-8',
  'grow-9',
  'grow-10',
  'grow-11',
  'grow-12',
] as const

/** The chunks of a job in the order of the video, each in the colour of its state and filled as far as it is done. */
export function ChunkStrip({ chunks }: { chunks: readonly TaskView[] }) {
  const cells = chunkCells(chunks)
  const isOneRow = cells.length <= mostInOneRow
  const longest = Math.max(...cells.map(secondsOf))
  return (
    <div class='flex flex-col gap-3'>
      <div
        class='chunks'
        data-row={isOneRow ? '' : undefined}
        data-dense={chunks.length > denseFrom ? '' : undefined}
        role='img'
        aria-label={summaryOf(chunks)}
      >
        {cells.map((cell) => (
          <progress
            id={`cell-${cell.first}`}
            class={isOneRow ? widthOf(secondsOf(cell) / longest) : undefined}
            value={String(cell.percent)}
            max='100'
            data-state={cell.status}
            title={titleOf(cell)}
          />
        ))}
      </div>
      <ul class='flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted-foreground' aria-hidden='true'>
        {countsOf(chunks).map(([status, count]) => (
          <li class='flex items-center gap-1.5'>
            <span class='swatch' data-state={status} />
            {labelOfTask(status)} <span class='tabular-nums'>{count}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function secondsOf({ startSeconds, endSeconds }: ChunkCell): number {
  return endSeconds - startSeconds
}

/** @param share - of the longest cell, 0 to 1 */
function widthOf(share: number): string | undefined {
  return widths[Math.max(0, Math.round(share * widths.length) - 1)]
}

const states = ['completed', 'running', 'ready', 'waiting', 'failed', 'cancelled'] as const

function countsOf(chunks: readonly TaskView[]): [TaskView['status'], number][] {
  return states
    .map((status): [TaskView['status'], number] => [
      status,
      chunks.filter((chunk) => chunk.status === status).length,
    ])
    .filter(([, count]) => count > 0)
}

function summaryOf(chunks: readonly TaskView[]): string {
  const counts = countsOf(chunks).map(([status, count]) => `${count} ${labelOfTask(status)}`)
  return `${formatCount(chunks.length, 'chunk')}: ${counts.join(', ').toLowerCase()}`
}

function titleOf({ first, last, startSeconds, endSeconds, status, percent }: ChunkCell): string {
  const name = first === last ? `Chunk ${first + 1}` : `Chunks ${first + 1} to ${last + 1}`
  const range = `${formatTimecode(startSeconds)} – ${formatTimecode(endSeconds)}`
  const state = status === 'running'
    ? `running, ${formatPercent(percent)}`
    : labelOfTask(status).toLowerCase()
  return `${name} (${range}): ${state}`
}
