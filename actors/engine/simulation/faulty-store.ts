/** The store as one process reaches it: over a line that is slow, breaks, loses answers, and ends with the process. */
import type { ActorStore, ActorTransaction } from '../../../kernel/db/actor-store.ts'
import { type CrashStep, crashSteps, type FaultRates } from './faults.ts'
import { StoreFailure } from './memory-locks.ts'
import type { MemoryStore } from './memory-store.ts'
import type { Random } from './random.ts'
import type { SimulatedProcess } from './simulated-process.ts'

export interface FaultyStoreParts {
  readonly store: MemoryStore
  readonly process: SimulatedProcess
  readonly random: Random
  readonly rates: () => FaultRates
}

export function createFaultyStore(parts: FaultyStoreParts): ActorStore {
  const { store, process, random } = parts
  const through =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    (...args: Args) => reach(process, name, () => call(...args))
  return {
    concurrency: random.pick([1, 3]),
    transaction: (work) => runTransaction(parts, work),
    takeOutbox: through('takeOutbox', store.takeOutbox),
    deleteOutbox: through('deleteOutbox', store.deleteOutbox),
    postponeOutbox: through('postponeOutbox', store.postponeOutbox),
    listDueTimers: through('listDueTimers', store.listDueTimers),
    nextTimerMs: through('nextTimerMs', store.nextTimerMs),
    listExpiredLeases: through('listExpiredLeases', store.listExpiredLeases),
    listStaleReady: through('listStaleReady', store.listStaleReady),
    listWorkerLeases: through('listWorkerLeases', store.listWorkerLeases),
    listTaskIds: through('listTaskIds', store.listTaskIds),
    renewLeases: through('renewLeases', store.renewLeases),
    quarantine: through('quarantine', store.quarantine),
    listDeadLetters: through('listDeadLetters', store.listDeadLetters),
    deleteDeadLetter: through('deleteDeadLetter', store.deleteDeadLetter),
    readActor: through('readActor', store.readActor),
    readLog: through('readLog', store.readLog),
    pruneInbox: through('pruneInbox', store.pruneInbox),
  }
}

/** One statement: a step before it, perhaps a failure, the work, a step after it. */
async function reach<T>(
  process: SimulatedProcess,
  name: string,
  call: () => Promise<T>,
): Promise<T> {
  await stepIfNamed(process, `before ${name}`)
  process.mayFail(name)
  const result = await process.outlive(call())
  await stepIfNamed(process, `after ${name}`)
  return result
}

/** Rarely used calls are not worth a place in the list of steps. */
async function stepIfNamed(process: SimulatedProcess, name: string): Promise<void> {
  if ((crashSteps as readonly string[]).includes(name)) await process.step(name as CrashStep)
}

async function runTransaction<T>(
  { store, process, random, rates }: FaultyStoreParts,
  work: (tx: ActorTransaction) => Promise<T>,
): Promise<T> {
  await process.step('before begin')
  process.mayFail('begin')
  const tx = store.begin()
  // The database notices the broken connection and rolls back.
  process.onDeath(() => tx.rollback())
  try {
    const result = await work({
      open: (request) => reach(process, 'open', () => tx.open(request)),
      pickReady: (requests, except) =>
        reach(process, 'pickReady', () => tx.pickReady(requests, except)),
      write: (changes) => reach(process, 'write', () => tx.write(changes)),
    })
    await process.step('before commit')
    process.mayFail('commit')
    store.commit(tx)
    if (random.chance(rates().lostAnswer)) {
      throw new StoreFailure('08006', 'the connection was lost during the commit')
    }
    await process.step('after commit')
    return result
  } catch (failure) {
    tx.rollback()
    throw failure
  }
}
