/** Stores that are broken on purpose, each in one way that the invariants must notice. */
import type { BatchRequest, BatchState } from '../../../kernel/db/actor-store.ts'
import { inboxKey } from './memory-tables.ts'
import type { MemoryStore } from './memory-store.ts'
import type { MemoryTransaction } from './memory-transaction.ts'
import type { Mutation } from './world.ts'

/** A store whose transactions see something else than what is there. */
function seeing(change: (state: BatchState, request: BatchRequest) => BatchState): Mutation {
  return (store) => ({
    ...store,
    begin() {
      const tx = store.begin()
      const open = tx.open.bind(tx)
      tx.open = async (request) => change(await open(request), request)
      return tx
    },
  })
}

/** Commits what it wrote, even when it is told to roll back. */
function withoutRollback(store: MemoryStore): MemoryStore {
  return {
    ...store,
    begin() {
      const tx: MemoryTransaction = store.begin()
      let written = false
      const write = tx.write.bind(tx)
      tx.write = async (changes) => {
        await write(changes)
        written = true
      }
      const rollback = tx.rollback.bind(tx)
      tx.rollback = () => {
        if (written) tx.commitAnyway()
        rollback()
      }
      return tx
    },
  }
}

/** Each with the name of what it lacks. */
export const mutants: Readonly<Record<string, Mutation>> = {
  'the inbox': seeing((state, { events }) => ({ ...state, fresh: new Set(events.map(inboxKey)) })),
  'the fence of timers': seeing((state, { timers }) => ({
    ...state,
    fired: new Set(timers.map(({ actorId, key, uid }) => `${actorId}\n${key}\n${uid}`)),
  })),
  'the fence of leases': seeing((state, { expiredLeases }) => ({
    ...state,
    expired: new Set(expiredLeases.map(({ taskId, leaseToken }) => `${taskId}\n${leaseToken}`)),
  })),
  'an outbox that keeps rows until they are delivered': (store) => ({
    ...store,
    async takeOutbox(limit, hideMs) {
      const taken = await store.takeOutbox(limit, hideMs)
      await store.deleteOutbox(taken.map(({ id }) => id))
      return taken
    },
  }),
}
void withoutRollback
