/** Objects on the worker's own disk, by hash: fetched once, and kept as long as there is room. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectRef } from '../kernel/contract/media.ts'
import { hashOf, KnownFiles } from './file-hash.ts'

export interface ObjectCacheOptions {
  /** Of this cache alone; made when it is missing. What a former life left is used again. */
  readonly directory: string
  /** Files in use are kept even beyond it. */
  readonly maxBytes: number
}

export interface TakeOptions {
  /** Who uses the file, until {@link ObjectCache.release}. */
  readonly user: string
  readonly signal: AbortSignal
  /** Brings the object, checked, to this path. */
  readonly fetch: (path: string) => Promise<void>
}

export class ObjectCache {
  readonly #directory: string
  readonly #maxBytes: number
  /** Sizes by hash; the one used longest ago comes first. */
  readonly #entries = new Map<string, number>()
  readonly #known = new KnownFiles()
  readonly #users = new Map<string, Set<string>>()
  readonly #uses = new Map<string, number>()
  /** What is being fetched or checked: one at a time for each object. */
  readonly #running = new Map<string, Promise<void>>()
  #bytes = 0

  constructor({ directory, maxBytes }: ObjectCacheOptions) {
    this.#directory = directory
    this.#maxBytes = maxBytes
    mkdirSync(directory, { recursive: true })
    for (const { name, sizeBytes } of leftoversIn(directory)) this.#add(name, sizeBytes)
    this.#makeRoom(0)
  }

  /** The path of the object, with its hash checked since the file last changed. @throws what `fetch` throws; the signal's reason */
  async take(object: ObjectRef, { user, signal, fetch }: TakeOptions): Promise<string> {
    const { sha256 } = object
    this.#use(user, sha256)
    for (let running = this.#running.get(sha256); running; running = this.#running.get(sha256)) {
      await settled(running, signal)
    }
    signal.throwIfAborted()
    const path = join(this.#directory, sha256)
    const work = this.#provide(object, path, fetch)
    this.#running.set(sha256, work)
    try {
      await work
    } finally {
      this.#running.delete(sha256)
    }
    return path
  }

  /** Nobody of this name uses anything any more. */
  release(user: string): void {
    for (const sha256 of this.#users.get(user) ?? []) {
      const uses = (this.#uses.get(sha256) ?? 1) - 1
      if (uses > 0) this.#uses.set(sha256, uses)
      else this.#uses.delete(sha256)
    }
    this.#users.delete(user)
    this.#makeRoom(0)
  }

  #use(user: string, sha256: string): void {
    const used = this.#users.get(user) ?? new Set()
    this.#users.set(user, used)
    if (used.has(sha256)) return
    used.add(sha256)
    this.#uses.set(sha256, (this.#uses.get(sha256) ?? 0) + 1)
  }

  async #provide(
    { sizeBytes, sha256 }: ObjectRef,
    path: string,
    fetch: TakeOptions['fetch'],
  ): Promise<void> {
    if (this.#entries.has(sha256) && await this.#isSound(path, sha256)) {
      this.#add(sha256, sizeBytes)
      return
    }
    this.#remove(sha256)
    this.#makeRoom(sizeBytes)
    await fetch(path)
    this.#known.add(path, await stat(path), sha256)
    this.#add(sha256, sizeBytes)
    this.#makeRoom(0)
  }

  async #isSound(path: string, sha256: string): Promise<boolean> {
    try {
      const stats = await stat(path)
      const found = this.#known.get(path, stats) ?? await hashOf(path)
      if (found === sha256) this.#known.add(path, stats, sha256)
      return found === sha256
    } catch {
      return false // It is gone, or cannot be read: then it is fetched again.
    }
  }

  /** Adds an entry, or makes it the newest. */
  #add(sha256: string, sizeBytes: number): void {
    this.#bytes += sizeBytes - (this.#entries.get(sha256) ?? 0)
    this.#entries.delete(sha256)
    this.#entries.set(sha256, sizeBytes)
  }

  #remove(sha256: string): void {
    this.#bytes -= this.#entries.get(sha256) ?? 0
    this.#entries.delete(sha256)
    // At once, so that it cannot hit a file of the same name that is fetched meanwhile.
    rmSync(join(this.#directory, sha256), { force: true })
  }

  #makeRoom(extraBytes: number): void {
    for (const sha256 of this.#entries.keys()) {
      if (this.#bytes + extraBytes <= this.#maxBytes) return
      if (!this.#uses.has(sha256)) this.#remove(sha256)
    }
  }
}

/** Whole files that a former life left, the oldest first; the others are deleted. */
function leftoversIn(directory: string): { name: string; sizeBytes: number }[] {
  const names = readdirSync(directory)
  for (const name of names) {
    if (/^[0-9a-f]{64}\.part$/.test(name)) rmSync(join(directory, name), { force: true })
  }
  return names
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name) => ({ name, stats: statSync(join(directory, name)) }))
    .sort((one, other) => one.stats.mtimeMs - other.stats.mtimeMs)
    .map(({ name, stats }) => ({ name, sizeBytes: stats.size }))
}

/** Waits for somebody else's work, however it ends. @throws the signal's reason */
async function settled(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, () => resolve())
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
