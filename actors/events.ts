/** The events of all machines, in the form in which the engine takes them. */
import type { EventJson } from './engine/delivery.ts'
import type { HedgeEvent } from './hedge/model.ts'
import type { JobEvent } from './job/model.ts'
import type { PluginEvent } from './plugin/model.ts'
import type { TaskEvent } from './task/model.ts'
import type { WorkerEvent } from './worker/model.ts'

/**
 * The event for `engine.send`, checked to be one that a machine knows. It is JSON: its parts were parsed from JSON, and
 * only their optional fields hide that from the compiler.
 */
export function eventJson(
  event: JobEvent | TaskEvent | HedgeEvent | WorkerEvent | PluginEvent,
): EventJson {
  return event as unknown as EventJson
}
