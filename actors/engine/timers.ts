/** Fires due timers as fenced events. */
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Delivery, EventJson, Outcome } from './delivery.ts'

/** Timers fired in one round. */
const limit = 256
/** Longest wait between two looks, in milliseconds: another process may have set a timer. */
const lookEveryMs = 5000

/** One round. @returns milliseconds until the next */
export async function timerRound(
  store: ActorStore,
  deliver: (delivery: Delivery) => Promise<Outcome>,
): Promise<number> {
  const due = await store.listDueTimers(limit)
  await Promise.all(
    due.map(({ actorId, key, uid, event }) =>
      deliver({
        kind: 'event',
        eventId: `timer:${key}:${uid}`,
        actorId,
        event: event as EventJson,
        fence: { kind: 'timer', key, uid },
      })
    ),
  )
  if (due.length === limit) return 0
  return Math.min((await store.nextTimerMs()) ?? lookEveryMs, lookEveryMs)
}
