/** The storage plugins, as storages beside the main one. */
import type { PluginMesh } from '../contract/plugin-mesh.ts'
import type { StorageProvider } from '../contract/storage.ts'
import type { PluginStorages } from '../storages.ts'
import { storageFrom } from './adapters/storage.ts'

/** Lists those that serve, and finds any that is wanted; whichever process of each is called. */
export function createMeshStorages(mesh: PluginMesh): PluginStorages {
  const known = new Map<string, StorageProvider>()
  const storageOf = (id: string): StorageProvider => {
    const storage = known.get(id) ?? storageFrom({
      call: (method, request, options) => mesh.call(id, method, request, options),
      readStream: (method, request, options) => mesh.readStream(id, method, request, options),
      writeStream: (method, requests, options) => mesh.writeStream(id, method, requests, options),
    })
    known.set(id, storage)
    return storage
  }
  const named = (id: string) => ({ id, storage: storageOf(id) })
  return {
    list: () => mesh.listServing('storage').map(({ manifest: { id } }) => named(id)),
    find: (id) => mesh.pillarOf(id) === 'storage' ? named(id) : undefined,
  }
}
