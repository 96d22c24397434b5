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
  { engine, db, log, choose = chooseHedges }: HedgingOptions,
): Promise<void> {
  const strays = await listStrayHedges(db)
  await Promise.all(strays.map((id) => engine.send(id, eventJson({ type: 'withdraw' }))))
  const chunks = choose(await readHedgeScene(db))
  await Promise.all(chunks.map((chunk) => hedge(engine, chunk, log)))
}

/** The lease is named, so that a chunk which was finished or lost meanwhile is left alone. */
async function hedge(
  engine: HedgingOptions['engine'],
  { taskId, workerId, leaseToken, ...facts }: RunningChunk,
  log: Log,
): Promise<void> {
  const { status } = await engine.send(taskId, eventJson({ type: 'hedge', leaseToken }), {
    eventId: `hedge:${leaseToken}`,
  })
  if (status !== 'applied') return
  log.info('hedged a slow chunk', {
    task_id: taskId,
    job_id: facts.jobId,
    worker_id: workerId,
    elapsed_seconds: Math.round(facts.elapsedSeconds),
    progress: facts.progress,
    speed: facts.speed,
    median_speed: facts.medianSpeed,
  })
}
