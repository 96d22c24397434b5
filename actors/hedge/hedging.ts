/** The loop that hedges stragglers. Every kernel runs it: what two decide at the same moment happens once. */
import type { Clock } from '../../kernel/clock.ts'
import type { Reader } from '../../kernel/db/database.ts'
import {
  type HedgeScene,
  listStrayHedges,
  readHedgeScene,
  type RunningChunk,
} from '../../kernel/db/stragglers.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { createLoop, type Loop } from '../engine/loop.ts'
import { eventJson } from '../events.ts'
import { chooseHedges } from './choice.ts'

export interface HedgingOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly db: Reader
  readonly clock: Clock
  readonly log: Log
  /** Between two looks, in milliseconds. @default 3000 */
  readonly lookEveryMs?: number
  /** A chunk was hedged, for the metrics. */
  readonly onHedged?: () => void
  /** @default {@link chooseHedges} */
  readonly choose?: (scene: HedgeScene) => readonly RunningChunk[]
}

/** The loop; it looks only once it is started. */
export function createHedging(options: HedgingOptions): Pick<Loop, 'start' | 'stop'> {
  const { clock, log, lookEveryMs = 3000 } = options
  return createLoop({
    name: 'hedging',
    clock,
    log,
    async round() {
      await hedgeRound(options)
      return lookEveryMs
    },
  })
}

/** One look: takes back hedges that nobody needs, and hedges the chunks that are worth it. */
export async function hedgeRound(
  { engine, db, log, onHedged = () => {}, choose = chooseHedges }: HedgingOptions,
): Promise<void> {
  const strays = await listStrayHedges(db)
  await Promise.all(strays.map((id) => engine.send(id, eventJson({ type: 'withdraw' }))))
  const chunks = choose(await readHedgeScene(db))
  await Promise.all(chunks.map(async (chunk) => {
    if (!await hedge(engine, chunk)) return
    logHedge(log, chunk)
    onHedged()
  }))
}

/**
 * The lease is named, so that a chunk which was finished or lost meanwhile is left alone.
 * @returns false when it was, or another kernel was first
 */
async function hedge(
  engine: HedgingOptions['engine'],
  { taskId, leaseToken }: RunningChunk,
): Promise<boolean> {
  const { status } = await engine.send(taskId, eventJson({ type: 'hedge', leaseToken }), {
    eventId: `hedge:${leaseToken}`,
  })
  return status === 'applied'
}

function logHedge(log: Log, chunk: RunningChunk): void {
  log.info('hedged a slow chunk', {
    task_id: chunk.taskId,
    job_id: chunk.jobId,
    worker_id: chunk.workerId,
    elapsed_seconds: Math.round(chunk.elapsedSeconds),
    progress: chunk.progress,
    speed: chunk.speed,
    median_speed: chunk.medianSpeed,
  })
}
