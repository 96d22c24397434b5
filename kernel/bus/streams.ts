/** The durable streams: which subjects each keeps, for how long, and how much. */
import { isMatch } from './filter.ts'
import type { StreamConfig } from './jetstream.ts'
import { workPrefix } from './subjects.ts'

/** The work queue. */
export const workStream = 'WEBENCODE_WORK'

/** Window in which a stream drops a second message with the same id: 2 minutes. */
const dedupeMs = 120_000
const dayMs = 86_400_000
const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** Subjects whose publisher waits until the message is stored. The live ones are kept if they arrive. */
const storedFilters = [`${workPrefix}.>`, 'jobs.events.*', 'audit.*']

export interface StreamOptions {
  /** Servers that keep each message of the durable streams: 1, 3 or 5. */
  readonly replicas: number
  /** Messages that the work queue holds at most. */
  readonly capacity: number
}

/** Whether a stream answers for messages on `subject`. */
export function isStored(subject: string): boolean {
  return storedFilters.some((filter) => isMatch(filter, subject))
}

/** The streams, as the specification's §5 lays them out; every one is bounded in bytes. */
export function streamConfigs({ replicas, capacity }: StreamOptions): readonly StreamConfig[] {
  return [
    {
      name: workStream,
      subjects: [`${workPrefix}.>`],
      retention: 'workqueue',
      storage: 'file',
      discard: 'new',
      num_replicas: replicas,
      max_msgs: capacity,
      max_msg_size: 64 * kibibyte,
      max_bytes: 128 * mebibyte,
      duplicate_window: nanoseconds(dedupeMs),
    },
    {
      name: 'WEBENCODE_EVENTS',
      subjects: ['jobs.events.*', 'audit.*'],
      retention: 'limits',
      storage: 'file',
      discard: 'old',
      num_replicas: replicas,
      max_age: nanoseconds(90 * dayMs),
      max_bytes: 512 * mebibyte,
      duplicate_window: nanoseconds(dedupeMs),
    },
    {
      name: 'WEBENCODE_LIVE',
      subjects: ['live.>'],
      retention: 'limits',
      storage: 'memory',
      discard: 'old',
      num_replicas: 1,
      max_age: nanoseconds(10_000),
      max_bytes: 32 * mebibyte,
      duplicate_window: nanoseconds(10_000),
    },
  ]
}

function nanoseconds(ms: number): number {
  return ms * 1_000_000
}
