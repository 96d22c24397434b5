/** Notices a database that is used past its own open transaction, which on one connection would wait for itself for ever. */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface TransactionGuard {
  /** Runs `work` as the inside of a transaction. */
  inside<T>(work: () => Promise<T>): Promise<T>
  /** @throws TypeError when called inside a transaction of this database that is still open */
  refuseInside(action: string): void
}

/** A guard for one database. */
export function createTransactionGuard(): TransactionGuard {
  // What was started inside a transaction and outlives it keeps its context, so the context says whether it is still open.
  const contexts = new AsyncLocalStorage<{ open: boolean }>()
  return {
    async inside(work) {
      const context = { open: true }
      try {
        return await contexts.run(context, work)
      } finally {
        context.open = false
      }
    },
    refuseInside(action) {
      if (contexts.getStore()?.open !== true) return
      throw new TypeError(
        `Cannot ${action} on the database inside its own transaction: use the writer that the transaction hands over`,
      )
    },
  }
}
