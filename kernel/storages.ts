/** The storages of a kernel: one that keeps what the product makes, and others that sources may come from. */
import type { StorageProvider } from './contract/storage.ts'
import { WebEncodeError } from './errors.ts'

/** A storage and the id of its plugin, e.g. `storage-s3`. */
export interface NamedStorage {
  readonly id: string
  readonly storage: StorageProvider
}

/** All storages of a kernel. */
export interface Storages {
  /** Keeps uploads, intermediates, outputs and logs. */
  readonly main: NamedStorage
  /** The main one first. */
  list(): readonly NamedStorage[]
  /** @param id - @default the main one's @throws WE-PLG-001 when there is none */
  get(id?: string): NamedStorage
}

/** The set of these storages. @throws TypeError when two have one id */
export function createStorages(main: NamedStorage, others: readonly NamedStorage[] = []): Storages {
  const all = [main, ...others]
  const byId = new Map(all.map((named) => [named.id, named]))
  if (byId.size < all.length) throw new TypeError('Two storages have the same id')
  return {
    main,
    list: () => all,
    get(id = main.id) {
      const found = byId.get(id)
      if (found !== undefined) return found
      throw new WebEncodeError(
        'WE-PLG-001',
        `There is no storage plugin "${id.slice(0, 64)}"; there is ${[...byId.keys()].join(', ')}`,
        { path: 'plugin_id' },
      )
    },
  }
}
