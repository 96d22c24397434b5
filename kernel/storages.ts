/** The storages of a kernel: one that keeps what the product makes, and others that sources may come from. */
import type { StorageProvider } from './contract/storage.ts'
import { WebEncodeError } from './errors.ts'

/** A storage and the id of its plugin, e.g. `storage-s3`. */
export interface NamedStorage {
  readonly id: string
  readonly storage: StorageProvider
}

/** Storages that come and go. */
export interface PluginStorages {
  /** Those that serve now. */
  list(): readonly NamedStorage[]
  /** Also one that does not serve at the moment: its calls say why. */
  find(id: string): NamedStorage | undefined
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

/**
 * The set of these storages.
 * @param plugins - one that has the id of another is left out
 * @throws TypeError when two of the fixed ones have one id
 */
export function createStorages(
  main: NamedStorage,
  others: readonly NamedStorage[] = [],
  plugins: PluginStorages = { list: () => [], find: () => undefined },
): Storages {
  const fixed = [main, ...others]
  const ids = new Set(fixed.map(({ id }) => id))
  if (ids.size < fixed.length) throw new TypeError('Two storages have the same id')
  const list = () => [...fixed, ...plugins.list().filter(({ id }) => !ids.has(id))]
  return {
    main,
    list,
    get(id = main.id) {
      const all = list()
      const found = all.find((named) => named.id === id) ?? plugins.find(id)
      if (found !== undefined) return found
      const known = all.map((named) => named.id).join(', ')
      throw new WebEncodeError(
        'WE-PLG-001',
        `There is no storage plugin "${id.slice(0, 64)}"; there is ${known}`,
        { path: 'plugin_id' },
      )
    },
  }
}
