/** Live topics: their names, what each shows, and its newest state read at most so often. */
import type { Bus, Subscription } from '../bus/bus.ts'
import { allJobEvents, jobEventsSubject } from '../bus/subjects.ts'
import type { Clock } from '../clock.ts'
import type { Json } from '../contract/json.ts'
import { readDashboardStats } from '../db/dashboard.ts'
import type { Reader } from '../db/database.ts'
import { readJob } from '../db/jobs.ts'
import { listTasks } from '../db/tasks.ts'
import type { Log } from '../log.ts'

/** A topic: where its news come from, and how its newest state is read. */
export interface TopicSource {
  /** Bus subject that says that something changed. */
  readonly subject: string
  /** The newest state; undefined when the thing is gone. */
  read(db: Reader): Promise<object | undefined>
}

/** The newest state of a topic. */
export interface TopicState {
  /** Grows with every change, also over restarts: milliseconds since the epoch, made unique. */
  readonly version: number
  /** As JSON. */
  readonly data: string
}

/** Least time between two reads of a topic: at most 4 updates a second. */
export const refreshIntervalMs = 250
/** Progress is stored without an event, so that watched topics are also read this often. */
export const pollIntervalMs = 2000

/** The source of `job:{id}:updates` or `dashboard:stats`; undefined for anything else. */
export function topicSourceFrom(topic: string): TopicSource | undefined {
  if (topic === 'dashboard:stats') return { subject: allJobEvents, read: readDashboardStats }
  const jobId = /^job:([A-Za-z0-9-]{1,64}):updates$/.exec(topic)?.[1]
  return jobId === undefined ? undefined : {
    subject: jobEventsSubject(jobId),
    async read(db) {
      const [job, tasks] = await Promise.all([readJob(db, jobId), listTasks(db, jobId)])
      return job && { ...job, tasks }
    },
  }
}

/** A watched topic. It lives while somebody watches. */
export interface LiveTopic {
  /** The newest state that was read; undefined before the first read. */
  readonly state: TopicState | undefined
  close(): Promise<void>
}

interface TopicOptions {
  readonly source: TopicSource
  readonly db: Reader
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Log
  readonly onChange: (state: TopicState) => void
  /** The thing is gone. */
  readonly onGone: () => void
}

/** Watches a topic: reads it now, on every announcement of the bus (coalesced), and every 2 s. */
export function openTopic(
  { source, db, bus, clock, log, onChange, onGone }: TopicOptions,
): LiveTopic {
  let state: TopicState | undefined
  let isClosed = false
  let isReading = false
  let isStale = false
  let cancelNext = () => {}

  const refresh = async () => {
    isReading = true
    isStale = false
    try {
      const data = await source.read(db)
      if (isClosed) return
      if (data === undefined) return onGone()
      const text = JSON.stringify(data)
      if (text === state?.data) return
      state = { version: Math.max((state?.version ?? 0) + 1, clock.now()), data: text }
      onChange(state)
    } catch (error) {
      log.warn('could not read a live topic', { subject: source.subject, error })
    } finally {
      isReading = false
      if (!isClosed) schedule(isStale ? refreshIntervalMs : pollIntervalMs)
    }
  }
  const schedule = (delayMs: number) => {
    cancelNext()
    cancelNext = clock.after(delayMs, () => void refresh())
  }
  const onNews = () => {
    if (isStale) return
    isStale = true
    if (!isReading) schedule(refreshIntervalMs)
  }

  const subscription: Promise<Subscription | undefined> = bus.subscribe(source.subject, onNews)
    .catch((error: unknown) => {
      log.warn('a live topic hears no announcements and only polls', { error })
      return undefined
    })
  void refresh()
  return {
    get state() {
      return state
    },
    async close() {
      isClosed = true
      cancelNext()
      await (await subscription)?.close()
    },
  }
}

/** The text of an update message; `data` is JSON already. */
export function updateMessage(topic: string, { version, data }: TopicState): string {
  const head: Json = { type: 'update', topic, version }
  return `${JSON.stringify(head).slice(0, -1)},"data":${data}}`
}
