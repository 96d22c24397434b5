/** The engine: durable actors over a store, with everything that keeps them moving. */
import type { Clock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { ActorStore, ReadyRequest } from '../../kernel/db/actor-store.ts'
import { createEventId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { type ClaimedTask, type ClaimEventFor, ClaimLine } from './claim.ts'
import { type Counters, createCounters } from './counters.ts'
import type { Delivery, EventJson, Outcome } from './delivery.ts'
import { type EffectHandlers, type OuterHandlers, tellHandlers } from './effect-handlers.ts'
import { frozenJson } from './frozen-json.ts'
import { CommitLines } from './commit-lines.ts'
import { createLoop, type Loop } from './loop.ts'
import { reconcileRound } from './reconcile.ts'
import { redrive } from './redrive.ts'
import type { Registry } from './registry.ts'
import { Relay } from './relay.ts'
import { timerRound } from './timers.ts'
import type { Work } from './transact.ts'

export interface DeliveryOptions {
  /** The same id is applied at most once to the same actor. @default a new random one */
  readonly eventId?: string
}

export interface EngineStats extends Counters {
  /** Deliveries without an answer yet. */
  readonly waiting: number
}

/** Every promise resolves when what it says is durable. */
export interface Engine {
  /**
   * Creates an actor; one that exists already is left alone and answers `duplicate`.
   * @throws RangeError for an unknown type; TypeError for an input that is not JSON; WE-SYS-002; WE-SYS-004 when too much waits
   */
  create(type: string, id: string, input: Json, options?: DeliveryOptions): Promise<Outcome>
  /** Sends an event. @throws TypeError for an event that is not JSON or is XState's own; WE-SYS-002; WE-SYS-004 when too much waits */
  send(actorId: string, event: EventJson, options?: DeliveryOptions): Promise<Outcome>
  /**
   * Picks the best ready tasks and sends each its claim event, in one transaction, together with others that ask.
   * @throws WE-SYS-002; WE-SYS-004 when too many wait
   */
  claim(request: ReadyRequest, eventFor: ClaimEventFor): Promise<readonly ClaimedTask[]>
  /** Runs a transaction with actors in it; await nothing else inside. @throws WE-SYS-002, PoisonedBatch */
  inTransaction<T>(work: Work<T>): Promise<T>
  /**
   * Tries a dead letter again.
   * @returns false when it failed again and stays set aside
   * @throws RangeError when there is no such dead letter
   */
  redrive(deadLetterId: string): Promise<boolean>
  /** Starts the relay, the timers and the reconciler. */
  start(): void
  /** Stops them, then waits for everything that was handed over. */
  stop(): Promise<void>
  stats(): EngineStats
}

export interface EngineOptions {
  readonly store: ActorStore
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  readonly handlers: OuterHandlers
  /** Deliveries that may wait, over all lines. @default 20_000 */
  readonly capacity?: number
  /** Deliveries in one transaction. @default 256 */
  readonly batchSize?: number
  /** Effects carried out at once. @default 256 */
  readonly relayLimit?: number
  /** How often the relay looks without being told, in milliseconds. @default 1000 */
  readonly relayEveryMs?: number
  /** How long taken effects stay hidden from other relays, in milliseconds. @default 30_000 */
  readonly hideMs?: number
  /** How often lost leases and doorbells are looked for, in milliseconds. @default 5000 */
  readonly reconcileEveryMs?: number
  /** Age at which a ready task gets its doorbell rung again, in milliseconds. @default 30_000 */
  readonly staleReadyMs?: number
  /** How long event ids are kept, in milliseconds: longer than any redelivery. @default 7 days */
  readonly inboxMs?: number
}

export function createEngine(options: EngineOptions): Engine {
  const { store, registry, clock, log, capacity = 20_000, batchSize = 256 } = options
  const counters = createCounters()
  const group = new CommitLines({
    store,
    registry,
    clock,
    log,
    counters,
    capacity,
    batchSize,
    onCommit({ effects, nextTimerMs }) {
      if (effects) loops.relay.kick()
      if (Number.isFinite(nextTimerMs)) loops.timers.within(nextTimerMs)
    },
  })
  const line = new ClaimLine(group, createEventId)
  const deliver = (delivery: Delivery) => group.deliver(delivery, { inner: true })
  const handlers: EffectHandlers = { ...tellHandlers(store, deliver), ...options.handlers }
  const { relayLimit = 256, hideMs = 30_000 } = options
  const relay = new Relay({ store, handlers, clock, log, counters, limit: relayLimit, hideMs })
  const loops = createLoops(options, { deliver, handlers, relay })

  return {
    // Async, so that a wrong argument rejects like everything else.
    async create(type, id, input, { eventId = createEventId() } = {}) {
      if (!registry.has(type)) {
        throw new RangeError(`Cannot create "${id}": actor type "${type}" is not registered`)
      }
      return await group.deliver({
        kind: 'create',
        eventId,
        actorId: id,
        type,
        input: frozenJson(input, 'input'),
      })
    },
    async send(actorId, event, { eventId = createEventId() } = {}) {
      return await group.deliver({ kind: 'event', eventId, actorId, event: outsideEvent(event) })
    },
    claim: async (request, eventFor) => await line.claim(request, eventFor),
    inTransaction: (work) => group.alone(work),
    redrive: (deadLetterId) => redrive({ store, handlers, deliver }, deadLetterId),
    start() {
      for (const loop of Object.values(loops)) loop.start()
    },
    async stop() {
      await Promise.all(Object.values(loops).map((loop) => loop.stop()))
      await relay.settled()
      await group.drained()
    },
    stats: () => ({ ...counters, waiting: group.waiting }),
  }
}

/** An hour. */
const pruneEveryMs = 3_600_000

function createLoops(
  options: EngineOptions,
  parts: {
    readonly deliver: (delivery: Delivery) => Promise<Outcome>
    readonly handlers: EffectHandlers
    readonly relay: Relay
  },
): Record<'relay' | 'timers' | 'reconciler' | 'pruner', Loop> {
  const { store, clock, log, relayEveryMs = 1000 } = options
  const { reconcileEveryMs = 5000, staleReadyMs = 30_000, inboxMs = 7 * 24 * 3_600_000 } = options
  const { deliver, handlers, relay } = parts
  const loop = (name: string, round: () => Promise<number>) =>
    createLoop({ name, clock, log, round })
  return {
    relay: loop('relay', async () => await relay.round() ? 0 : relayEveryMs),
    timers: loop('timers', () => timerRound(store, deliver)),
    reconciler: loop('reconciler', async () => {
      await reconcileRound({ store, clock, deliver, ring: handlers.ring, staleReadyMs })
      return reconcileEveryMs
    }),
    pruner: loop('inbox pruner', async () => {
      await store.pruneInbox(inboxMs)
      return pruneEveryMs
    }),
  }
}

/** XState's own events come from timers only: `xstate.stop` and the like would end an actor behind its machine's back. */
function outsideEvent(event: EventJson): EventJson {
  if (
    typeof event?.type !== 'string' || event.type === '' || event.type === '*' ||
    event.type.startsWith('xstate.')
  ) {
    throw new TypeError(
      `An event must have a type that is not XState's own, and it is "${String(event?.type)}"`,
    )
  }
  return frozenJson(event, 'event') as EventJson
}
