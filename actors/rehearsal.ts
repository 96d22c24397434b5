/** Plays the beginning of a job and undoes it, so that the first real one does not wait for all that happens once: plans, caches, compilers. */
import { randomUUID } from 'node:crypto'
import type { Json } from '../kernel/contract/json.ts'
import type { ActorStore } from '../kernel/db/actor-store.ts'
import type { Reader } from '../kernel/db/database.ts'
import { readJobs } from '../kernel/db/jobs.ts'
import { readTaskForBrief } from '../kernel/db/tasks.ts'
import { createEventId, createLeaseToken } from '../kernel/ids.ts'
import type { Delivery } from './engine/delivery.ts'
import type { Registry } from './engine/registry.ts'
import { type Apply, transact } from './engine/transact.ts'
import { eventJson } from './events.ts'
import { sampleJob } from './job/sample.ts'

export interface RehearsalParts {
  readonly store: ActorStore
  readonly registry: Registry
  readonly db: Reader
}

/**
 * Submits a job, picks and claims its first task, and rolls all of it back; on as many connections as the engine uses.
 * @throws what the store throws
 */
export async function rehearse(parts: RehearsalParts): Promise<void> {
  await Promise.all(Array.from({ length: parts.store.concurrency }, () => play(parts)))
}

async function play({ store, registry, db }: RehearsalParts): Promise<void> {
  const undone = new Error('the rehearsal is over')
  const jobId = `rehearsal-${randomUUID()}`
  const played = transact({ store, registry }, async (tx, apply) => {
    await apply([creationOf(jobId)])
    const workerId = 'rehearsal'
    await tx.pickReady([{ workerId, lanes: ['probe'], region: sampleJob.region, limit: 1 }])
    await claim(apply, `${jobId}.probe.00000`, workerId)
    throw undone
  })
  await played.catch((failure: unknown) => {
    if (failure !== undone) throw failure
  })
  await Promise.all([readJobs(db, [jobId]), readTaskForBrief(db, [jobId])])
}

function creationOf(jobId: string): Delivery {
  return {
    kind: 'create',
    type: 'job',
    actorId: jobId,
    eventId: createEventId(),
    input: { ...sampleJob, jobId } as Json,
  }
}

async function claim(apply: Apply, actorId: string, workerId: string): Promise<void> {
  const event = eventJson({ type: 'claim', workerId, leaseToken: createLeaseToken() })
  const [applied] = await apply([{ kind: 'event', actorId, eventId: createEventId(), event }])
  if (applied?.outcome.status !== 'applied') {
    throw new TypeError(
      `A new job's probe must be claimable, and it was ${applied?.outcome.status}`,
    )
  }
}
