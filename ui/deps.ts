/** What the pages are given. */
import type { HttpDeps } from '../kernel/http/deps.ts'

/** Ports and settings of the pages. */
export interface UiDeps extends
  Pick<
    HttpDeps,
    | 'db'
    | 'gateway'
    | 'auth'
    | 'keptUsers'
    | 'redirectSignIn'
    | 'storage'
    | 'storages'
    | 'profiles'
    | 'plugins'
    | 'hasEncoderRules'
    | 'secrets'
    | 'clock'
    | 'log'
  > {
  /** The OpenAPI document of the API. */
  readonly openapi: () => object | Promise<object>
  /** Bytes of the disk that keeps the media; absent when the storage cannot tell. */
  readonly storageUsage?: () => Promise<StorageUsage>
  /** Address of the bus as workers on other machines reach it, without credentials; absent: none can join. */
  readonly workerBusUrl?: string
  /** Largest uploaded file. */
  readonly maxUploadBytes: number
  /** Folder of the built assets. @default `dist/ui/assets` of this checkout */
  readonly assetsDirectory?: string
}

/** How full the storage is. */
export interface StorageUsage {
  readonly usedBytes: number
  readonly freeBytes: number
  /** What is kept, largest first. */
  readonly groups: readonly StorageGroup[]
}

/** Objects of one kind. */
export interface StorageGroup {
  /** e.g. `Uploads`. */
  readonly name: string
  readonly bytes: number
  /** How long they stay, e.g. `24 h`. */
  readonly keptFor: string
}
