/** A job near its end, for tests: one worker is slow with its last chunk, and another one has nothing to do. */
import assert from 'node:assert/strict'
import { finishedWith } from '../desk/answers.fixture.ts'
import { ann, eventually, sourceUrl, workerOf, type World } from '../desk/world.fixture.ts'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { sql } from '../../kernel/db/database.ts'
import { readJob } from '../../kernel/db/jobs.ts'
import { hedgeRound } from './hedging.ts'

export type Racer = ReturnType<typeof workerOf>

export interface Race {
  readonly jobId: string
  readonly slow: Racer
  readonly fast: Racer
  /** The chunk that is left, in the hands of the slow worker. */
  readonly straggler: TaskBrief
}

let races = 0

/** A job whose probe, audio and one of two chunks are done. Its last chunk seems to run for a minute. */
export async function startRace(world: World): Promise<Race> {
  const slow = workerOf(world, `session-${++races}-of-slow`, 'slow')
  const fast = workerOf(world, `session-${races}-of-fast`, 'fast')
  await slow.join()
  await fast.join()
  const { id } = await world.gateway.submitJob(
    { source_url: sourceUrl, profile: '480p_fast' },
    ann,
  )
  const [probe] = await claimed(slow, 1)
  assert.equal(await slow.report(probe!, finishedWith(probe!)), true)
  const parts = await claimed(slow, 3)
  const straggler = parts.find(({ params, index }) => params.kind === 'encode' && index === 0)!
  for (const part of parts) {
    if (part !== straggler) assert.equal(await slow.report(part, finishedWith(part)), true)
  }
  await eventually(async () => (await readJob(world.db, id))?.tasks_completed === 3)
  await slow.heartbeat([straggler], 0.1)
  await world.db.query(sql`
    UPDATE tasks SET started_at = now() - interval '1 minute' WHERE id = ${straggler.taskId}`)
  return { jobId: id, slow, fast, straggler }
}

/** The same, with the hedge in the hands of the fast worker. */
export async function startHedgedRace(world: World): Promise<Race & { readonly hedge: TaskBrief }> {
  const race = await startRace(world)
  await hedgeRound(world)
  const [hedge] = await claimed(race.fast, 1)
  // The chunk has heard that its hedge runs.
  await eventually(async () => {
    const actor = await world.store.readActor(race.straggler.taskId)
    const snapshot = actor?.snapshot as { context: { hedge?: string } } | undefined
    return snapshot?.context.hedge === 'running'
  })
  return { ...race, hedge: hedge! }
}

/** Claims until there are this many tasks. */
export async function claimed(worker: Racer, count: number): Promise<TaskBrief[]> {
  const briefs: TaskBrief[] = []
  return await eventually(async () => {
    briefs.push(...await worker.claim())
    return briefs.length >= count && briefs
  })
}
