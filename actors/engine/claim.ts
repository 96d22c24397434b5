/** Gives ready tasks to a worker: picked and claimed in one transaction. */
import type { Json } from '../../kernel/contract/json.ts'
import type { ReadyRequest } from '../../kernel/db/actor-store.ts'
import type { ActorState, SnapshotJson } from './definition.ts'
import type { Delivery, EventJson } from './delivery.ts'
import { frozenJson } from './frozen-json.ts'
import type { GroupCommit } from './group-commit.ts'
import { type Applied, PoisonedBatch } from './transact.ts'

/** A task that the worker now holds. */
export interface ClaimedTask extends ActorState<Json, Json> {
  readonly version: number
  /** The event that claimed it, as `eventFor` made it. */
  readonly event: EventJson
}

/**
 * Claims up to `request.limit` tasks.
 * @param eventFor - the claim event of a task, with a new lease token
 * @param eventId - makes the id of a claim event
 * @throws WE-SYS-002
 */
export async function claimTasks(
  group: GroupCommit,
  request: ReadyRequest,
  eventFor: (taskId: string) => EventJson,
  eventId: () => string,
): Promise<ClaimedTask[]> {
  /** Tasks whose claim threw: left out, so that they do not keep the others from being claimed. */
  const broken = new Set<string>()
  for (;;) {
    try {
      return await group.alone(async (tx, apply) => {
        const picked = await tx.pickReady({ ...request, limit: request.limit + broken.size })
        const taskIds = picked.filter((id) => !broken.has(id)).slice(0, request.limit)
        const deliveries = taskIds.map((id) => claimOf(id, eventFor(id), eventId()))
        return claimedFrom(deliveries, await apply(deliveries))
      })
    } catch (failure) {
      if (!(failure instanceof PoisonedBatch)) throw failure
      for (const { actorId } of failure.failures.keys()) broken.add(actorId)
    }
  }
}

type ClaimDelivery = Extract<Delivery, { kind: 'event' }>

function claimOf(taskId: string, event: EventJson, eventId: string): ClaimDelivery {
  return { kind: 'event', eventId, actorId: taskId, event: frozenJson(event, 'event') as EventJson }
}

function claimedFrom(
  deliveries: readonly ClaimDelivery[],
  applied: readonly Applied[],
): ClaimedTask[] {
  return deliveries.flatMap(({ event }, i) => {
    const { outcome, actor } = applied[i]!
    if (outcome.status !== 'applied' || actor === undefined) return []
    const { value, context } = actor.snapshot as unknown as SnapshotJson
    return [{ id: actor.id, status: actor.status, value, context, version: actor.version, event }]
  })
}
