/** The topics that somebody watches: opened by the first watcher, closed by the last, read once however many watch. */
import type { Bus, Message, Subscription } from '../bus/bus.ts'
import { allJobEvents } from '../bus/subjects.ts'
import type { Clock } from '../clock.ts'
import type { Reader } from '../db/database.ts'
import type { Log } from '../log.ts'
import { BatchReader } from './batch-reader.ts'
import {
  dashboardTopic,
  jobIdOf,
  jobTopic,
  readDashboardTopic,
  readJobTopics,
  type TopicState,
  topicStateFrom,
  type TopicStates,
} from './live-topic.ts'

/** Told that a topic changed or is gone. */
export interface Watcher {
  /** The topic has a new state. */
  changed(topic: LiveTopic): void
  /** The thing is gone, and with it the topic. */
  gone(topic: LiveTopic): void
}

/** A topic with watchers. */
export interface LiveTopic {
  readonly name: string
  /** The newest state that was read; undefined before the first read. */
  readonly state: TopicState | undefined
}

export interface LiveTopicsOptions {
  readonly bus: Bus
  readonly db: Reader
  readonly clock: Clock
  readonly log: Log
  /** Topics that are watched at the same time. */
  readonly maxTopics: number
}

interface WatchedTopic extends LiveTopic {
  state: TopicState | undefined
  readonly watchers: Set<Watcher>
  readonly reader: BatchReader<object>
}

/** Least time between two reads of a job, in milliseconds: at most 4 updates a second. */
const jobRestMs = 250
/** The same for the dashboard, which counts over all jobs. */
const dashboardRestMs = 1000
const listenAgainMs = 2000

/** The watched topics of a process. Any kernel's announcements are heard; what is missed is found by polling. */
export class LiveTopics {
  readonly #options: LiveTopicsOptions
  readonly #topics = new Map<string, WatchedTopic>()
  readonly #jobs: BatchReader<object>
  readonly #dashboard: BatchReader<object>
  #listening: Promise<Subscription | undefined> | undefined
  #cancelListen = () => {}

  constructor(options: LiveTopicsOptions) {
    this.#options = options
    const readerOf = (restMs: number, read: (names: readonly string[]) => Promise<TopicStates>) =>
      new BatchReader({
        ...options,
        restMs,
        read,
        onRead: (name, value) => this.#onRead(name, value),
      })
    this.#jobs = readerOf(jobRestMs, (names) => readJobTopics(options.db, names))
    this.#dashboard = readerOf(dashboardRestMs, () => readDashboardTopic(options.db))
  }

  /** @returns the topic; why not, when there is no such topic or there are too many */
  watch(name: string, watcher: Watcher): LiveTopic | 'unknown' | 'full' {
    const topic = this.#topics.get(name) ?? this.#open(name)
    if (typeof topic !== 'string') topic.watchers.add(watcher)
    return topic
  }

  unwatch({ name }: LiveTopic, watcher: Watcher): void {
    const topic = this.#topics.get(name)
    if (topic?.watchers.delete(watcher) && topic.watchers.size === 0) this.#drop(topic)
  }

  async close(): Promise<void> {
    this.#cancelListen()
    this.#topics.clear()
    await Promise.all([this.#jobs.close(), this.#dashboard.close()])
    await (await this.#listening)?.close()
  }

  #open(name: string): WatchedTopic | 'unknown' | 'full' {
    const isDashboard = name === dashboardTopic
    if (!isDashboard && jobIdOf(name) === undefined) return 'unknown'
    if (this.#topics.size >= this.#options.maxTopics) return 'full'
    const reader = isDashboard ? this.#dashboard : this.#jobs
    const topic: WatchedTopic = { name, state: undefined, watchers: new Set(), reader }
    this.#topics.set(name, topic)
    this.#listening ??= this.#listen()
    reader.add(name)
    return topic
  }

  #drop({ name, reader }: WatchedTopic): void {
    this.#topics.delete(name)
    reader.remove(name)
  }

  #onRead(name: string, value: object | undefined): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    if (value === undefined) {
      this.#drop(topic)
      for (const watcher of topic.watchers) watcher.gone(topic)
      return
    }
    const data = JSON.stringify(value)
    if (data === topic.state?.data) return
    topic.state = topicStateFrom(name, this.#versionAfter(topic.state), data)
    for (const watcher of topic.watchers) watcher.changed(topic)
  }

  /** Two kernels that read different states in the same millisecond give them different versions. */
  #versionAfter(state: TopicState | undefined): number {
    const nowUs = this.#options.clock.now() * 1000 + Math.floor(Math.random() * 1000)
    return Math.max((state?.version ?? 0) + 1, nowUs)
  }

  async #listen(): Promise<Subscription | undefined> {
    const { bus, clock, log } = this.#options
    try {
      return await bus.subscribe(allJobEvents, (message) => this.#onNews(message))
    } catch (error) {
      log.warn('live updates hear no announcements and only poll', { error })
      this.#cancelListen = clock.after(listenAgainMs, () => {
        this.#listening = this.#listen()
      })
      return undefined
    }
  }

  #onNews({ subject, data }: Message): void {
    this.#jobs.announce(jobTopic(subject.slice(subject.lastIndexOf('.') + 1)))
    if (!isProgress(data)) this.#dashboard.announce(dashboardTopic)
  }
}

/** Progress changes no figure of the dashboard. */
function isProgress(data: Message['data']): boolean {
  return typeof data === 'object' && data !== null && 'topic' in data &&
    data.topic === 'job.progress'
}
