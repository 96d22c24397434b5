/** Live topics: their names, what each shows, and the message that carries its newest state. */
import { leastRole } from '../contract/access.ts'
import type { Role } from '../contract/auth.ts'
import type { Json } from '../contract/json.ts'
import { readDashboardStats } from '../db/dashboard.ts'
import type { Reader } from '../db/database.ts'
import { readJobs } from '../db/jobs.ts'
import { listTasksByJob } from '../db/tasks.ts'
import { listWorkerTasks } from '../db/worker-page.ts'
import { listWorkers, readWorker } from '../db/workers.ts'
import { SharedText } from '../runtime/shared-text.ts'

/** The figures of the dashboard. */
export const dashboardTopic = 'dashboard:stats'
/** All workers. */
export const workersTopic = 'workers:list'

/** The topic of a job. */
export function jobTopic(jobId: string): string {
  return `job:${jobId}:updates`
}

/** All plugins. */
export const pluginsTopic = 'plugins:list'

/** The topic of one plugin. */
export function pluginTopic(pluginId: string): string {
  return `plugin:${pluginId}:updates`
}

/** The topic of a plugin's last log lines. */
export function pluginLogsTopic(pluginId: string): string {
  return `plugin:${pluginId}:logs`
}

/** The topic of one worker. */
export function workerTopic(workerId: string): string {
  return `worker:${workerId}:updates`
}

/** Newest states by topic; what is gone is missing. */
export type TopicStates = ReadonlyMap<string, object>

/** Topics of one kind, which are read together. */
export interface TopicFamily {
  has(topic: string): boolean
  /** Least role that may watch them. */
  readonly access: Role
  /** Least time between two reads of a topic, in milliseconds. */
  readonly restMs: number
  read(db: Reader, topics: readonly string[]): Promise<TopicStates>
}

/** At most 4 updates a second. */
const restMs = 250
/** For what counts over all jobs, or changes with every heartbeat of a worker. */
const longRestMs = 1000
/** Tasks that the updates of a worker carry. */
const workerTasks = 20

/** Every kind of topic. */
export const topicFamilies: readonly TopicFamily[] = [
  {
    has: (topic) => jobIdOf(topic) !== undefined,
    access: leastRole('job', 'read'),
    restMs,
    read: readJobTopics,
  },
  {
    has: (topic) => topic === dashboardTopic,
    access: leastRole('system', 'read'),
    restMs: longRestMs,
    read: async (db) => new Map([[dashboardTopic, await readDashboardStats(db)]]),
  },
  {
    has: (topic) => topic === workersTopic,
    access: leastRole('worker', 'read'),
    restMs: longRestMs,
    read: async (db) => new Map([[workersTopic, await listWorkers(db)]]),
  },
  {
    has: (topic) => workerIdOf(topic) !== undefined,
    access: leastRole('worker', 'read'),
    restMs: longRestMs,
    read: readWorkerTopics,
  },
]

/**
 * Least role that may watch a topic; undefined when there is no such topic.
 * @param others - kinds of topics beside those of the database
 */
export function topicAccess(
  topic: string,
  others: readonly TopicFamily[] = [],
): Role | undefined {
  return [...topicFamilies, ...others].find(({ has }) => has(topic))?.access
}

function jobIdOf(topic: string): string | undefined {
  return /^job:([A-Za-z0-9-]{1,64}):updates$/.exec(topic)?.[1]
}

function workerIdOf(topic: string): string | undefined {
  return /^worker:([A-Za-z0-9._-]{1,100}):updates$/.exec(topic)?.[1]
}

/** Jobs with their tasks: two queries, however many they are. */
async function readJobTopics(db: Reader, topics: readonly string[]): Promise<TopicStates> {
  const ids = topics.map(jobIdOf).filter((id) => id !== undefined)
  const [jobs, tasks] = await Promise.all([readJobs(db, ids), listTasksByJob(db, ids)])
  return new Map([...jobs].map(([id, job]) => [
    jobTopic(id),
    { ...job, tasks: tasks.get(id) ?? [] },
  ]))
}

/** Workers with the tasks that they had last. */
async function readWorkerTopics(db: Reader, topics: readonly string[]): Promise<TopicStates> {
  const ids = topics.map(workerIdOf).filter((id) => id !== undefined)
  const states = await Promise.all(ids.map(async (id) => {
    const [worker, tasks] = await Promise.all([
      readWorker(db, id),
      listWorkerTasks(db, id, workerTasks),
    ])
    return worker === undefined ? [] : [[workerTopic(id), { ...worker, tasks }] as const]
  }))
  return new Map(states.flat())
}

/** The newest state of a topic. */
export interface TopicState {
  /** Grows with every change, also over restarts: microseconds since the epoch, made unique. */
  readonly version: number
  /** As JSON. */
  readonly data: string
  /** What its watchers are sent. */
  readonly message: SharedText
}

/** The state of a topic; `data` is JSON. */
export function topicStateFrom(topic: string, version: number, data: string): TopicState {
  const head: Json = { type: 'update', topic, version }
  const message = new SharedText(`${JSON.stringify(head).slice(0, -1)},"data":${data}}`)
  return { version, data, message }
}
