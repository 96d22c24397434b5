/** Which running chunks are worth a second run on a worker that has nothing to do: pure. */
import type { Lane } from '../../kernel/contract/task.ts'
import type { FreeWorker, HedgeScene, RunningChunk } from '../../kernel/db/stragglers.ts'

/** A fresh run must be over so much earlier than the straggler: a share of the run, and seconds. */
export const margin = { share: 0.25, seconds: 2 } as const

/** Below it, a second run is not worth its worker, in seconds. */
const leastRemainingSeconds = 10

/** A speed that was told is believed after this long, in seconds: the first one may be of a source that opens slowly. */
const settleSeconds = 10

/** Hedges of one job at the same time. */
export const mostHedgesOfJob = 3

/**
 * The chunks to hedge now, those that would take longest first: one for each slot that is free for it, and that no ready task
 * of the lane will take.
 */
export function chooseHedges({ workers, waiting, chunks }: HedgeScene): readonly RunningChunk[] {
  const free = new Map(workers.map(({ id, freeSlots }) => [id, freeSlots]))
  const open = new Map<string, number>()
  for (const { lane, tasks } of waiting) reserve(workers, free, lane, tasks)
  const chosen: RunningChunk[] = []
  for (const chunk of stragglersAmong(chunks)) {
    const ofJob = open.get(chunk.jobId) ?? chunk.openHedges
    if (ofJob >= mostHedgesOfJob) continue
    const worker = workers.find((one) => isFreeFor(chunk, one, free))
    if (worker === undefined) continue
    free.set(worker.id, free.get(worker.id)! - 1)
    open.set(chunk.jobId, ofJob + 1)
    chosen.push(chunk)
  }
  return chosen
}

/** Tasks that are ready get the free slots first. */
function reserve(
  workers: readonly FreeWorker[],
  free: Map<string, number>,
  lane: Lane,
  tasks: number,
): void {
  let left = tasks
  for (const { id } of workers.filter(({ lanes }) => lanes.includes(lane))) {
    const taken = Math.min(left, free.get(id)!)
    free.set(id, free.get(id)! - taken)
    left -= taken
  }
}

function isFreeFor(
  { lane, workerId }: RunningChunk,
  { id, lanes }: FreeWorker,
  free: ReadonlyMap<string, number>,
): boolean {
  return id !== workerId && lanes.includes(lane) && free.get(id)! > 0
}

function stragglersAmong(chunks: readonly RunningChunk[]): RunningChunk[] {
  return chunks.filter(isStraggler).toSorted((a, b) =>
    remainingSeconds(b, freshSeconds(b)) - remainingSeconds(a, freshSeconds(a)) ||
    (a.taskId < b.taskId ? -1 : 1)
  )
}

/** Whether a fresh run at the usual speed of the job would be over well before this one. */
export function isStraggler(chunk: RunningChunk): boolean {
  const fresh = freshSeconds(chunk)
  if (chunk.elapsedSeconds < Math.min(fresh, settleSeconds)) return false
  const remaining = remainingSeconds(chunk, fresh)
  return remaining >= leastRemainingSeconds &&
    remaining > fresh * (1 + margin.share) + margin.seconds
}

/** How long another worker would take for the whole chunk. */
function freshSeconds({ seconds, medianSpeed }: RunningChunk): number {
  return seconds / medianSpeed
}

/**
 * How long the chunk will still take: as its speed says; and once it has taken longer than a fresh run, no less than its
 * pace so far says, because a run that hangs goes on telling its last speed. Who tells nothing will need as long again.
 */
export function remainingSeconds(
  { seconds, elapsedSeconds, progress, speed }: RunningChunk,
  fresh: number,
): number {
  const bySpeed = speed === null || speed <= 0 ? 0 : seconds * (1 - progress) / speed
  if (elapsedSeconds < fresh) return bySpeed
  const byPace = progress > 0 ? elapsedSeconds * (1 - progress) / progress : elapsedSeconds
  return Math.max(bySpeed, byPace)
}
