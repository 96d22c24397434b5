/** Which ready task comes first, and who may have it: pure, so that every store gives tasks out in the same order. */
import type { EncoderRules } from '../contract/encoder-routing.ts'
import type { EncoderNeed } from '../plugin/encoder-route.ts'
import type { ReadyRequest } from './actor-store.ts'
import type { EncoderFit, EncoderOwner } from './encoder-fit.ts'

/** A ready task as the claim sees it. */
export interface ReadyTask extends EncoderNeed {
  readonly id: string
  readonly region: string
  readonly owner: string
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number | null
  /** Since it became ready, in milliseconds. */
  readonly waitedMs: number
  /** How much work it is, compared with other tasks of its job. */
  readonly weight: number
  /** Ran out of memory on it; or, of a hedge, works on the same already. */
  readonly avoidWorkerId: string | null
  /** It is a second run of what another worker has in hand. */
  readonly isHedge: boolean
}

/** The longest wait among the ready tasks of one lane, encoder and priority. */
export interface PriorityHead extends EncoderNeed {
  readonly priority: number
  readonly waitedMs: number
}

/** What an owner has of the fleet, and may have of it. */
export interface OwnerLoad {
  readonly running: number
  /** Above 0; an owner of weight 2 may have twice as much as one of weight 1. */
  readonly weight: number
}

/** A worker as its row shows it. */
export interface FleetWorker extends EncoderOwner {
  readonly id: string
  readonly region: string
  readonly lanes: readonly string[]
  readonly status: string
  /** Of the process that bears its name now. */
  readonly session: string
}

/** What a claim looks at before it chooses. */
export interface ClaimOverview {
  /** The workers that may get work, and those that ask, whatever they do. */
  readonly fleet: readonly FleetWorker[]
  readonly heads: readonly PriorityHead[]
  /** Absent: no admin has a say in who uses which encoder. */
  readonly rules?: EncoderRules
}

/** Requests that may be answered with the same tasks. */
export interface ClaimGroup {
  readonly region: string
  /** Of the tasks that these workers may have. */
  readonly heads: readonly PriorityHead[]
  /** Places in the list of all requests. */
  readonly members: readonly number[]
}

/** Milliseconds of waiting that weigh as much as one point of priority: the lowest overtakes the highest after 100 minutes. */
const pointMs = 30_000

/** A task waits this long for the workers of its own region, where there are any; then others may have it. */
const ownRegionMs = 10_000

/** A task that ran out of memory waits this long for another worker, where there is one; then any may have it. */
const avoidMs = 30_000

/**
 * Priorities in the order in which they are served. A priority ages as a whole, by its longest wait: if each task aged
 * by itself, whoever submits most would always be first, because the oldest of many is older.
 */
export function agedFirst(heads: readonly Pick<PriorityHead, 'priority' | 'waitedMs'>[]): number[] {
  const aged = new Map<number, number>()
  for (const { priority, waitedMs } of heads) {
    const own = priority + Math.floor(waitedMs / pointMs)
    aged.set(priority, Math.max(own, aged.get(priority) ?? own))
  }
  return [...aged].toSorted(([p, a], [q, b]) => b - a || q - p).map(([priority]) => priority)
}

/** Whether a worker may get new tasks. */
export function isUp({ status }: Pick<FleetWorker, 'status'>): boolean {
  return status === 'healthy' || status === 'degraded'
}

/** Requests by what they may have, without those of workers that drain, are offline, or are another process by now. */
export function groupsOf(
  requests: readonly ReadyRequest[],
  { fleet, heads }: ClaimOverview,
  fit: EncoderFit,
): ClaimGroup[] {
  const known = new Map(fleet.map((worker) => [worker.id, worker]))
  const ownerOf = ({ workerId }: ReadyRequest) => known.get(workerId) ?? stranger
  const asked = requests.keys().filter((i) =>
    mayAsk(requests[i]!, known.get(requests[i]!.workerId))
  )
  const alike = Map.groupBy(asked, (i) => {
    const { region, lanes } = requests[i]!
    return [region, ...lanes.toSorted(), ownerOf(requests[i]!).encoders?.key].join()
  })
  // Other encoders are another group only where they matter to what is ready.
  const groups = new Map<string, ClaimGroup>()
  for (const members of alike.values()) {
    const { lanes, region } = requests[members[0]!]!
    const owner = ownerOf(requests[members[0]!]!)
    const own = heads.filter((head) => lanes.includes(head.lane) && fit(owner, head))
    const key = [region, ...new Set(own.map(({ lane, videoCodec }) => `${lane} ${videoCodec}`))]
      .join()
    const before = groups.get(key)?.members ?? []
    groups.set(key, {
      region,
      heads: own,
      members: [...before, ...members].toSorted((a, b) => a - b),
    })
  }
  return [...groups.values()]
}

/** It has no row, so nothing is known of its encoders. */
const stranger: EncoderOwner = { encoders: null }

function mayAsk({ session }: ReadyRequest, worker: FleetWorker | undefined): boolean {
  if (worker !== undefined && !isUp(worker)) return false
  return session === undefined || session === worker?.session
}

/** Whether a worker of this region may have the task now: of another region only if that one has nobody for it, or was too slow. */
export function isNearEnough(
  task: ReadyTask,
  ownRegion: string,
  fleet: readonly FleetWorker[],
  fit: EncoderFit,
): boolean {
  const { lane, region, waitedMs } = task
  return region === ownRegion || waitedMs >= ownRegionMs ||
    !fleet.some((one) =>
      isUp(one) && one.region === region && one.lanes.includes(lane) && fit(one, task)
    )
}

/**
 * Whether this worker may have the task now, although it ran out of memory on it: only if there is no other, or it was too
 * slow. A hedge is never for the worker that has the chunk already.
 */
export function isSafeWith(
  { avoidWorkerId, waitedMs, isHedge }: ReadyTask,
  workerId: string,
  fleet: readonly FleetWorker[],
): boolean {
  if (avoidWorkerId !== workerId) return true
  if (isHedge) return false
  return waitedMs >= avoidMs || !fleet.some((one) => isUp(one) && one.id !== workerId)
}

/**
 * Tasks of one priority, best first: the earlier deadline; then whose owner has the smaller share of the fleet for its
 * weight, those before it in this list included; then the region of the worker; then work for a GPU; then what ends a
 * job that is encoded already, before more jobs are begun; then the longest wait; then, of tasks of one age, the most work, so that all slots end together.
 */
export function bestFirst(
  tasks: readonly ReadyTask[],
  ownRegion: string,
  loads: ReadonlyMap<string, OwnerLoad>,
): ReadyTask[] {
  const byOwn = (a: ReadyTask, b: ReadyTask) =>
    Number(b.region === ownRegion) - Number(a.region === ownRegion) ||
    Number(isForGpu(b)) - Number(isForGpu(a)) ||
    Number(b.lane === 'copy') - Number(a.lane === 'copy') ||
    b.waitedMs - a.waitedMs ||
    b.weight - a.weight ||
    (a.id < b.id ? -1 : 1)
  const shares = new Map<ReadyTask, number>()
  for (const [owner, own] of Map.groupBy(tasks, (task) => task.owner)) {
    const { running, weight } = loads.get(owner) ?? { running: 0, weight: 1 }
    own.sort((a, b) => byDeadline(a, b) || byOwn(a, b))
    own.forEach((task, before) => shares.set(task, (running + before) / weight))
  }
  return tasks.toSorted((a, b) =>
    byDeadline(a, b) || shares.get(a)! - shares.get(b)! || byOwn(a, b)
  )
}

function byDeadline({ deadlineMs: a }: ReadyTask, { deadlineMs: b }: ReadyTask): number {
  return a === b ? 0 : (a ?? Infinity) - (b ?? Infinity)
}

function isForGpu({ lane }: ReadyTask): boolean {
  return lane.startsWith('gpu.')
}

/** Deals tasks out in turn, best first, so that work is spread over the workers. @returns the ids of each request of the group */
export function dealOut(
  tasks: readonly ReadyTask[],
  requests: readonly ReadyRequest[],
  fleet: readonly FleetWorker[],
): string[][] {
  const hands = requests.map((): string[] => [])
  let turn = 0
  for (const task of tasks) {
    for (let passed = 0; passed < requests.length; passed++) {
      const at = turn++ % requests.length
      const { workerId, limit } = requests[at]!
      if (hands[at]!.length >= limit || !isSafeWith(task, workerId, fleet)) continue
      hands[at]!.push(task.id)
      break
    }
  }
  return hands
}
