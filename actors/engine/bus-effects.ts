/** The effects that are messages on the bus: doorbells, orders to stop, announcements. */
import type { Bus } from '../../kernel/bus/bus.ts'
import {
  commandSubject,
  dispatchSubject,
  interruptSubject,
  jobEventsSubject,
  systemNewsSubject,
} from '../../kernel/bus/subjects.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { createDoorbells } from './doorbells.ts'
import type { OuterHandlers } from './effect-handlers.ts'

/** Publishes under the effect's id, so that a durable stream drops a repetition. */
export function busHandlers(
  bus: Bus,
  clock: Clock = systemClock,
): Pick<OuterHandlers, 'ring' | 'interrupt' | 'command' | 'announce'> {
  const ring = createDoorbells(bus, clock)
  return {
    ring: ({ taskId, lane, region }, { id }) => ring(dispatchSubject(region, lane), taskId, { id }),
    interrupt: ({ workerId, taskId, leaseToken }, { id }) =>
      bus.publish(interruptSubject(workerId), { taskId, leaseToken }, { id }),
    command: ({ workerId, session, command }, { id }) =>
      bus.publish(commandSubject(workerId), { session, command }, { id }),
    announce: ({ topic, jobId, data }, { id }) =>
      bus.publish(jobId === undefined ? systemNewsSubject : jobEventsSubject(jobId), {
        id,
        topic,
        data,
      }, { id }),
  }
}
