/** The topics that somebody watches: opened by the first watcher, closed by the last, read once however many watch. */
import type { Bus, Message, Subscription } from '../bus/bus.ts'
import { allJobEvents, systemNewsSubject } from '../bus/subjects.ts'
import type { Clock } from '../clock.ts'
import type { Reader } from '../db/database.ts'
import type { Log } from '../log.ts'
import { BatchReader } from './batch-reader.ts'
import {
  dashboardTopic,
  jobTopic,
  pluginsTopic,
  pluginTopic,
  topicFamilies,
  type TopicFamily,
  type TopicState,
  topicStateFrom,
  workersTopic,
  workerTopic,
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
  /** Kinds of topics beside those of the database. @default none */
  readonly families?: readonly TopicFamily[]
}

interface WatchedTopic extends LiveTopic {
  state: TopicState | undefined
  readonly watchers: Set<Watcher>
  readonly reader: BatchReader<object>
}

const listenAgainMs = 2000

/** The watched topics of a process. Any kernel's announcements are heard; what is missed is found by polling. */
export class LiveTopics {
  readonly #options: LiveTopicsOptions
  readonly #topics = new Map<string, WatchedTopic>()
  readonly #readers: ReadonlyMap<TopicFamily, BatchReader<object>>
  #listening: Promise<readonly Subscription[]> | undefined
  #cancelListen = () => {}
  #isClosed = false

  constructor(options: LiveTopicsOptions) {
    this.#options = options
    const readerOf = ({ restMs, read }: TopicFamily) =>
      new BatchReader({
        ...options,
        restMs,
        read: (names) => read(options.db, names),
        onRead: (name, value) => this.#onRead(name, value),
      })
    const families = [...topicFamilies, ...options.families ?? []]
    this.#readers = new Map(families.map((family) => [family, readerOf(family)]))
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
    this.#isClosed = true
    this.#cancelListen()
    this.#topics.clear()
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()))
    await Promise.all((await this.#listening ?? []).map((subscription) => subscription.close()))
  }

  #open(name: string): WatchedTopic | 'unknown' | 'full' {
    const reader = this.#readerOf(name)
    if (reader === undefined) return 'unknown'
    if (this.#topics.size >= this.#options.maxTopics) return 'full'
    const topic: WatchedTopic = { name, state: undefined, watchers: new Set(), reader }
    this.#topics.set(name, topic)
    this.#listening ??= this.#listen()
    reader.add(name)
    return topic
  }

  #readerOf(name: string): BatchReader<object> | undefined {
    const family = this.#readers.keys().find(({ has }) => has(name))
    return family && this.#readers.get(family)
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

  async #listen(): Promise<readonly Subscription[]> {
    const { bus, clock, log } = this.#options
    const subscriptions: Subscription[] = []
    try {
      subscriptions.push(
        await bus.subscribe(allJobEvents, (message) => this.#onJobNews(message)),
        await bus.subscribe(systemNewsSubject, (message) => this.#onSystemNews(message)),
      )
      return subscriptions
    } catch (error) {
      await Promise.all(subscriptions.map((subscription) => subscription.close()))
      if (this.#isClosed) return []
      log.warn('live updates hear no announcements and only poll', { error })
      this.#cancelListen = clock.after(listenAgainMs, () => {
        this.#listening = this.#listen()
      })
      return []
    }
  }

  #onJobNews({ subject, data }: Message): void {
    this.announce(jobTopic(subject.slice(subject.lastIndexOf('.') + 1)))
    if (!isProgress(data)) this.announce(dashboardTopic)
  }

  #onSystemNews({ data }: Message): void {
    const workerId = idIn(data, 'worker_id')
    if (workerId !== undefined) {
      this.announce(workersTopic)
      this.announce(workerTopic(workerId))
    }
    const pluginId = idIn(data, 'plugin_id')
    if (pluginId !== undefined) {
      this.announce(pluginsTopic)
      this.announce(pluginTopic(pluginId))
    }
  }

  /** Says that a topic changed; nothing happens for one that nobody watches. */
  announce(name: string): void {
    this.#topics.get(name)?.reader.announce(name)
  }
}

/** The worker or plugin that an announcement is about. */
function idIn(message: Message['data'], name: string): string | undefined {
  const data: unknown = fieldOf(message, 'data')
  const id = fieldOf(data, name)
  return typeof id === 'string' ? id : undefined
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** Progress changes no figure of the dashboard. */
function isProgress(data: Message['data']): boolean {
  return fieldOf(data, 'topic') === 'job.progress'
}
