/** The cells of the chunk strip: one a chunk, or of a very long job one for several neighbours. */
import type { TaskView } from '../../kernel/contract/job.ts'

/** What one cell shows. */
export interface ChunkCell {
  /** Index of the first chunk. */
  readonly first: number
  /** Index of the last chunk. */
  readonly last: number
  readonly startSeconds: number
  readonly endSeconds: number
  readonly status: TaskView['status']
  /** 0 to 100. */
  readonly percent: number
}

/** Cells of a strip at most: more are neither seen nor quickly sent. */
export const maxCells = 480

/** The cells of these chunks, which are in the order of the video. */
export function chunkCells(chunks: readonly TaskView[]): ChunkCell[] {
  const perCell = Math.ceil(chunks.length / maxCells)
  const cells: ChunkCell[] = []
  for (let at = 0; at < chunks.length; at += perCell) {
    const cell = cellFrom(chunks.slice(at, at + perCell))
    if (cell !== undefined) cells.push(cell)
  }
  return cells
}

function cellFrom(chunks: readonly TaskView[]): ChunkCell | undefined {
  const [first] = chunks
  const last = chunks.at(-1)
  if (first === undefined || last === undefined) return undefined
  const sum = chunks.reduce((total, chunk) => total + chunk.progress_pct, 0)
  return {
    first: first.sequence_index,
    last: last.sequence_index,
    startSeconds: first.start_time_sec,
    endSeconds: last.end_time_sec,
    status: statusOf(chunks),
    percent: Math.round(sum / chunks.length),
  }
}

/** Trouble is never hidden by its neighbours; neighbours that differ otherwise are on their way. */
function statusOf(chunks: readonly TaskView[]): TaskView['status'] {
  const found = new Set(chunks.map((chunk) => chunk.status))
  for (const trouble of ['failed', 'waiting'] as const) if (found.has(trouble)) return trouble
  const [only] = found
  return found.size === 1 && only !== undefined ? only : 'running'
}
