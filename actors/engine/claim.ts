/** Gives ready tasks to workers: whoever asks while a transaction runs is answered by the next one, all together. */
import type { Json } from '../../kernel/contract/json.ts'
import type { ActorTransaction, ReadyRequest } from '../../kernel/db/actor-store.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { ActorState, SnapshotJson } from './definition.ts'
import type { Delivery, EventJson } from './delivery.ts'
import { frozenJson } from './frozen-json.ts'
import { type Applied, type Apply, PoisonedBatch, type Work } from './transact.ts'

/** A task that the worker now holds. */
export interface ClaimedTask extends ActorState<Json, Json> {
  readonly version: number
  /** The event that claimed it, as `eventFor` made it. */
  readonly event: EventJson
}

/** The claim event of a task, with a new lease token. */
export type ClaimEventFor = (taskId: string) => EventJson

/** Tasks that one transaction gives out; a single request may ask for more. */
const mostTasks = 256

/** Requests that may wait. A worker asks one at a time, so there are as many as workers that ask at this moment. */
const capacity = 10_000

interface Waiting {
  readonly request: ReadyRequest
  readonly eventFor: ClaimEventFor
  readonly resolve: (tasks: readonly ClaimedTask[]) => void
  readonly reject: (failure: unknown) => void
}

/** Runs a transaction when it is its turn. */
export interface Turns {
  alone<T>(work: Work<T>): Promise<T>
}

/** The line of workers that ask for work. */
export class ClaimLine {
  readonly #turns: Turns
  readonly #createEventId: () => string
  readonly #waiting: Waiting[] = []
  #isAnswering = false

  constructor(turns: Turns, createEventId: () => string) {
    this.#turns = turns
    this.#createEventId = createEventId
  }

  /** Claims up to `request.limit` tasks. @throws WE-SYS-002; WE-SYS-004 when too many wait */
  claim(request: ReadyRequest, eventFor: ClaimEventFor): Promise<readonly ClaimedTask[]> {
    if (this.#waiting.length >= capacity) {
      const message = `Cannot claim tasks: ${this.#waiting.length} other workers wait`
      throw new WebEncodeError('WE-SYS-004', message, { retryAfterSeconds: 1 })
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, eventFor, resolve, reject })
      if (this.#isAnswering) return
      this.#isAnswering = true
      // After this tick, so that everybody who asks now is answered together.
      queueMicrotask(() => void this.#answerAll())
    })
  }

  async #answerAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const asking = this.#waiting.splice(0, fitting(this.#waiting))
      try {
        const answers = await this.#give(asking)
        asking.forEach(({ resolve }, i) => resolve(answers[i]!))
      } catch (failure) {
        for (const { reject } of asking) reject(failure)
      }
    }
    this.#isAnswering = false
  }

  async #give(asking: readonly Waiting[]): Promise<readonly (readonly ClaimedTask[])[]> {
    /** Tasks whose claim threw: left out, so that they do not keep the others from being claimed. */
    const broken = new Set<string>()
    for (;;) {
      try {
        return await this.#turns.alone((tx, apply) => this.#giveIn(tx, apply, asking, broken))
      } catch (failure) {
        if (!(failure instanceof PoisonedBatch)) throw failure
        for (const { actorId } of failure.failures.keys()) broken.add(actorId)
      }
    }
  }

  async #giveIn(
    tx: ActorTransaction,
    apply: Apply,
    asking: readonly Waiting[],
    broken: ReadonlySet<string>,
  ): Promise<readonly (readonly ClaimedTask[])[]> {
    const picked = await tx.pickReady(asking.map(({ request }) => request), broken)
    const claims = picked.map((taskIds, i) =>
      taskIds.map((id) => claimOf(id, asking[i]!.eventFor(id), this.#createEventId()))
    )
    const deliveries = claims.flat()
    if (deliveries.length === 0) return claims.map(() => [])
    const applied = await apply(deliveries)
    let next = 0
    return claims.map((own) => claimedFrom(own, applied.slice(next, next += own.length)))
  }
}

/** How many of those that wait go into one transaction; at least the first. */
function fitting(waiting: readonly Waiting[]): number {
  let tasks = 0
  const over = waiting.findIndex(({ request }) => (tasks += request.limit) > mostTasks)
  return over === -1 ? waiting.length : Math.max(1, over)
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
