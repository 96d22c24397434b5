/** The claim's view of the ready tasks in memory: it looks at all of them. */
import type { OwnerLoad, ReadyTask } from '../../../kernel/db/claim-order.ts'
import type { ReadySource } from '../../../kernel/db/pick-ready.ts'
import type { LeasedTask, MemoryTables } from './memory-tables.ts'

export interface MemorySourceParts {
  readonly tables: MemoryTables
  /** The database clock. */
  readonly nowMs: number
  /** Locks a task, unless somebody else holds it. */
  readonly tryLock: (taskId: string) => boolean
}

export function memorySourceOver({ tables, nowMs, tryLock }: MemorySourceParts): ReadySource {
  const ready = () => [...tables.tasks.values()].filter(({ row }) => row.status === 'ready')
  const isReady = (id: string) => tables.tasks.get(id)?.row.status === 'ready'
  return {
    async readOverview(_workerIds, lanes) {
      const fleet = [...tables.workers.values()].map(
        ({ id, region, status, session, capabilities }) => {
          const { lanes = [] } = capabilities as { readonly lanes?: readonly string[] }
          return { id, region, status, session, lanes, encoders: null }
        },
      )
      const asked = ready().filter(({ row }) => lanes.includes(row.lane))
      const heads = asked.map(({ row: { lane, videoCodec, priority }, readyAt }) => {
        return { lane, videoCodec, priority, waitedMs: nowMs - readyAt }
      })
      return { fleet, heads }
    },
    async readCandidates(heads) {
      const tasks = ready().filter(({ row }) =>
        heads.some((head) =>
          head.priority === row.priority && head.lane === row.lane &&
          head.videoCodec === row.videoCodec
        )
      )
      return {
        tasks: tasks.map((task) => readyTaskFrom(task, nowMs)),
        loads: loadsOf(tables),
        isAll: true,
      }
    },
    async lock(taskIds, limit) {
      const locked: string[] = []
      for (const id of taskIds) {
        if (locked.length === limit) break
        if (isReady(id) && tryLock(id)) locked.push(id)
      }
      return locked
    },
  }
}

function readyTaskFrom({ row, readyAt }: LeasedTask, nowMs: number): ReadyTask {
  const { id, lane, videoCodec, region, owner, deadline, weight, avoidWorkerId, hedgeOf } = row
  return {
    id,
    lane,
    videoCodec,
    region,
    owner,
    deadlineMs: deadline === null ? null : Date.parse(deadline),
    waitedMs: nowMs - readyAt,
    weight,
    avoidWorkerId,
    isHedge: hedgeOf !== null,
  }
}

function loadsOf({ tasks, ownerWeights }: MemoryTables): Map<string, OwnerLoad> {
  const owners = Map.groupBy(tasks.values(), ({ row }) => row.owner)
  return new Map([...owners].map(([owner, own]) => [owner, {
    running: own.filter(({ row }) => row.status === 'running').length,
    weight: ownerWeights.get(owner) ?? 1,
  }]))
}
