/** The claim's way through the ready tasks: for groups of workers, priority by priority, until everybody has enough. */
import type { Lane } from '../contract/task.ts'
import type { ReadyRequest } from './actor-store.ts'
import {
  agedFirst,
  bestFirst,
  type ClaimGroup,
  type ClaimOverview,
  dealOut,
  groupsOf,
  isNearEnough,
  isSafeWith,
  isUp,
  type OwnerLoad,
  type PriorityHead,
  type ReadyTask,
} from './claim-order.ts'
import { createFit, type EncoderFit } from './encoder-fit.ts'

/** Ready tasks of one priority: enough of them to choose from. */
export interface Candidates {
  readonly tasks: readonly ReadyTask[]
  readonly loads: ReadonlyMap<string, OwnerLoad>
  /** Whether asking for more could bring more. */
  readonly isAll: boolean
}

/** What one transaction can see and lock of the ready tasks. */
export interface ReadySource {
  readOverview(workerIds: readonly string[], lanes: readonly Lane[]): Promise<ClaimOverview>
  /** Candidates of these lanes and encoders, all of one priority: of every owner and region those that waited longest; about `want` of them. */
  readCandidates(heads: readonly PriorityHead[], want: number): Promise<Candidates>
  /** Locks up to `limit` of these tasks, in this order, leaving out what others hold and what is no longer ready. */
  lock(taskIds: readonly string[], limit: number): Promise<readonly string[]>
}

/** Candidates for each task that is wanted: several kernels that claim at once hold each other's first choices. */
const choices = 4

/** As {@link ActorTransaction.pickReady}. */
export async function pickReady(
  source: ReadySource,
  requests: readonly ReadyRequest[],
  except: ReadonlySet<string> = new Set(),
): Promise<readonly (readonly string[])[]> {
  const answers: (readonly string[])[] = requests.map(() => [])
  const lanes = new Set(requests.flatMap((request) => request.lanes))
  const overview = await source.readOverview(requests.map(({ workerId }) => workerId), [...lanes])
  const fit = createFit(overview.rules, overview.fleet.filter(isUp))
  const taken = new Set(except)
  for (const group of groupsOf(requests, overview, fit)) {
    const asking = group.members.map((i) => requests[i]!)
    const picked = await pickForGroup({ source, group, asking, overview, fit, taken })
    dealOut(picked, asking, overview.fleet).forEach((ids, i) => answers[group.members[i]!] = ids)
  }
  return answers
}

interface Pick {
  readonly source: ReadySource
  readonly group: ClaimGroup
  readonly asking: readonly ReadyRequest[]
  readonly overview: ClaimOverview
  readonly fit: EncoderFit
  /** Left out: locked by this transaction already, or not wanted. */
  readonly taken: Set<string>
}

async function pickForGroup(pick: Pick): Promise<ReadyTask[]> {
  const limit = pick.asking.reduce((sum, request) => sum + request.limit, 0)
  const picked: ReadyTask[] = []
  const byPriority = Map.groupBy(pick.group.heads, ({ priority }) => priority)
  for (const priority of agedFirst(pick.group.heads)) {
    const heads = byPriority.get(priority) ?? []
    picked.push(...await pickOfPriority(pick, heads, limit - picked.length))
    if (picked.length >= limit) break
  }
  return picked
}

/** Looks at more candidates as long as what it chose was held by others. */
async function pickOfPriority(
  pick: Pick,
  heads: readonly PriorityHead[],
  limit: number,
): Promise<ReadyTask[]> {
  const { source, group: { region }, asking, overview: { fleet }, fit, taken } = pick
  const picked: ReadyTask[] = []
  for (let want = limit * choices + taken.size;; want *= choices) {
    const { tasks, loads, isAll } = await source.readCandidates(heads, want)
    const open = tasks.filter((task) =>
      !taken.has(task.id) && isNearEnough(task, region, fleet, fit) &&
      asking.some(({ workerId }) => isSafeWith(task, workerId, fleet))
    )
    const best = bestFirst(open, region, loads)
    const byId = new Map(best.map((task) => [task.id, task]))
    for (const id of await source.lock([...byId.keys()], limit - picked.length)) {
      taken.add(id)
      picked.push(byId.get(id)!)
    }
    if (picked.length >= limit || isAll) return picked
  }
}
