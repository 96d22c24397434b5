/** Stores that are broken on purpose, each in one way that the invariants must notice. */
import type { BatchChanges, BatchRequest, BatchState } from '../../../kernel/db/actor-store.ts'
import { MemoryLocks } from './memory-locks.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'
import { inboxKey } from './memory-tables.ts'
import type { StoreFactory } from './world.ts'

/** Each under the name of what it lacks. */
export const mutants: Readonly<Record<string, StoreFactory>> = {
  'an inbox': seeing((state, { events }) => ({ ...state, fresh: new Set(events.map(inboxKey)) })),
  'a fence for timers': seeing((state, { timers }) => ({
    ...state,
    fired: new Set(timers.map(({ actorId, key, uid }) => `${actorId}\n${key}\n${uid}`)),
  })),
  'a fence for leases': seeing((state, { expiredLeases }) => ({
    ...state,
    expired: new Set(expiredLeases.map(({ taskId, leaseToken }) => `${taskId}\n${leaseToken}`)),
  })),
  'locks': (options) => createMemoryStore({ ...options, locks: new NoLocks() }),
  'rollback': (options) => withoutRollback(createMemoryStore(options)),
  'an outbox that keeps what is not delivered': (options) => forgetful(createMemoryStore(options)),
}

/** A store whose transactions see something else than what is there. */
function seeing(change: (state: BatchState, request: BatchRequest) => BatchState): StoreFactory {
  return (options) => {
    const store = createMemoryStore(options)
    return {
      ...store,
      begin() {
        const tx = store.begin()
        const open = tx.open.bind(tx)
        tx.open = async (request) => change(await open(request), request)
        return tx
      },
    }
  }
}

class NoLocks extends MemoryLocks {
  override acquire(): Promise<void> {
    return Promise.resolve()
  }

  override tryAcquire(): boolean {
    return true
  }
}

/** What a transaction wrote stays, though the transaction fails. */
function withoutRollback(store: MemoryStore): MemoryStore {
  return {
    ...store,
    begin() {
      const tx = store.begin()
      const written: BatchChanges[] = []
      const { write, commit, rollback } = {
        write: tx.write.bind(tx),
        commit: tx.commit.bind(tx),
        rollback: tx.rollback.bind(tx),
      }
      tx.write = async (changes) => {
        await write(changes)
        written.push(changes)
      }
      tx.commit = () => {
        written.length = 0
        return commit()
      }
      tx.rollback = () => {
        for (const changes of written.splice(0)) store.tables.apply(changes, 0)
        rollback()
      }
      return tx
    },
  }
}

/** Effects are gone as soon as a relay has seen them. */
function forgetful(store: MemoryStore): MemoryStore {
  return {
    ...store,
    async takeOutbox(limit, hideMs) {
      const taken = await store.takeOutbox(limit, hideMs)
      await store.deleteOutbox(taken.map(({ id }) => id))
      return taken
    },
  }
}
