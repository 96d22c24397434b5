/** Live topics: their names, what each shows, and the message that carries its newest state. */
import type { Json } from '../contract/json.ts'
import { readDashboardStats } from '../db/dashboard.ts'
import type { Reader } from '../db/database.ts'
import { readJobs } from '../db/jobs.ts'
import { listTasksByJob } from '../db/tasks.ts'
import { SharedText } from '../runtime/shared-text.ts'

/** The figures of the dashboard. */
export const dashboardTopic = 'dashboard:stats'

/** The topic of a job. */
export function jobTopic(jobId: string): string {
  return `job:${jobId}:updates`
}

/** The job that a topic shows; undefined when it shows none. */
export function jobIdOf(topic: string): string | undefined {
  return /^job:([A-Za-z0-9-]{1,64}):updates$/.exec(topic)?.[1]
}

/** Newest states by topic; what is gone is missing. */
export type TopicStates = ReadonlyMap<string, object>

/** Reads the topics of jobs, with their tasks: two queries, however many they are. */
export async function readJobTopics(db: Reader, topics: readonly string[]): Promise<TopicStates> {
  const ids = topics.map(jobIdOf).filter((id) => id !== undefined)
  const [jobs, tasks] = await Promise.all([readJobs(db, ids), listTasksByJob(db, ids)])
  return new Map([...jobs].map(([id, job]) => [
    jobTopic(id),
    { ...job, tasks: tasks.get(id) ?? [] },
  ]))
}

/** Reads the dashboard. */
export async function readDashboardTopic(db: Reader): Promise<TopicStates> {
  return new Map([[dashboardTopic, await readDashboardStats(db)]])
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
