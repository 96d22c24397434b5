/** Doorbells on the bus: few at a time, because one that is heard leads a worker to all the work there is. */
import type { Bus } from '../../kernel/bus/bus.ts'
import type { Clock } from '../../kernel/clock.ts'

/** Doorbells of one lane and region that wait at most, of each kernel. Workers that found work ask again by themselves. */
export const doorbellWindow = 64
/** How long it is believed that nobody has heard them, in milliseconds. */
const lookAgainMs = 1000

/** Rings for one task. */
export type RingDoorbell = (
  subject: string,
  taskId: string,
  options: { readonly id: string },
) => Promise<void>

/**
 * Rings unless {@link doorbellWindow} doorbells of the subject wait already. Only when it has rung that often does it ask the bus
 * how many still do, so that an idle system rings at once. A bell that is left out is rung by the reconciler, if nobody comes.
 */
export function createDoorbells(bus: Bus, clock: Clock): RingDoorbell {
  const known = new Map<string, { rung: number; askedAtMs: number }>()
  return async (subject, taskId, options) => {
    const bells = known.get(subject) ?? { rung: 0, askedAtMs: -Infinity }
    known.set(subject, bells)
    if (bells.rung >= doorbellWindow) {
      const sinceMs = clock.now() - bells.askedAtMs
      // Less than nothing when the clock was set back: then it asks again too.
      if (sinceMs >= 0 && sinceMs < lookAgainMs) return
      bells.askedAtMs = clock.now()
      bells.rung = await bus.backlog(subject)
      if (bells.rung >= doorbellWindow) return
    }
    bells.rung++
    await bus.publish(subject, { taskId }, options)
  }
}
