/** What the simulation decides for the product's kernels, and what must hold of its jobs when all is over. */
import type { Decision } from '../actors/engine/simulation/scenario.ts'
import type { MemoryTables } from '../actors/engine/simulation/memory-tables.ts'
import type { Random } from '../actors/engine/simulation/random.ts'
import { hedgeIdFrom, taskIdFrom } from '../kernel/ids.ts'

/** Hedges any chunk that runs: which one is a straggler matters to nobody here. */
export function hedgesOf({ tasks }: MemoryTables, random: Random): readonly Decision[] {
  return [...tasks.values()].flatMap(({ row: { id, kind, leaseToken } }) => {
    if (kind !== 'encode' || leaseToken === null || !random.chance(0.3)) return []
    return [{
      actorId: id,
      event: { type: 'hedge', leaseToken },
      eventId: `hedge:${leaseToken}`,
    }]
  })
}

/** Broken rules: each chunk is counted once and has one result, whatever its hedge does. */
export function brokenRules(tables: MemoryTables): readonly string[] {
  return [...tables.tasks.values()].flatMap(({ row: { id, jobId, kind, index, hedgeOf } }) => {
    if (hedgeOf !== null) return []
    const made = countEvents(tables, id, ({ type }) => type === 'finish' || type === 'outdone')
    const again = countEvents(tables, id, ({ type }) => type === 'redo' || type === 'inputsReady')
    const counted = countEvents(
      tables,
      jobId,
      (event) => event.type === 'taskFinished' && event.kind === kind && event.index === index,
    )
    return [
      ...(made > 1 + again
        ? [`"${id}" has ${made} results, and was made anew ${again} times`]
        : []),
      ...(counted > made ? [`"${id}" was counted ${counted} times, and has ${made} results`] : []),
    ]
  })
}

interface LoggedEvent {
  readonly type: string
  readonly kind?: string
  readonly index?: number
}

function countEvents(
  { log }: MemoryTables,
  actorId: string,
  matches: (event: LoggedEvent) => boolean,
): number {
  return (log.get(actorId) ?? []).filter(({ event }) => matches(event as unknown as LoggedEvent))
    .length
}

/** What became of hedges, and of their stragglers. */
export function hedgesSeen(tables: MemoryTables): readonly string[] {
  return [...tables.tasks.values()].flatMap(({ row: { id, jobId, index, hedgeOf } }) => {
    if (hedgeOf === null) return []
    const straggler = taskIdFrom(jobId, 'encode', index)
    const fate = tables.readActor(hedgeIdFrom(jobId, index))?.snapshot as { value?: string }
    const last = (tables.log.get(id) ?? []).at(-1)?.event as { type?: string }
    return [
      `${fate.value} after ${last.type}`,
      ...(isCoveredIn(tables, straggler) ? ['a straggler waited for its hedge'] : []),
    ]
  })
}

/** Its worker was lost, and then the hedge finished it. */
function isCoveredIn({ log }: MemoryTables, straggler: string): boolean {
  const types = (log.get(straggler) ?? []).map(({ event }) => (event as { type?: string }).type)
  const at = types.indexOf('outdone')
  return at > 0 && ['leaseExpired', 'fail', 'release'].includes(types[at - 1] ?? '')
}
