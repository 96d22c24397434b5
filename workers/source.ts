/** What a task reads: a local file, a loopback URL, or a copy of what that URL leads to. */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { fileURLToPath } from 'node:url'
import type { SourceRef } from '../kernel/contract/task.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { ProxiedSource, SourceProxy } from './source-proxy.ts'
import type { ObjectLease, WorkerObjects } from './transfer.ts'

/** An open source. */
export interface OpenSource {
  /** Path or URL for the encoder. */
  readonly input: string
  readonly proxied?: ProxiedSource
}

/** @throws WE-JOB-002 for anything but http, https and local files */
export function openSource(
  { url, name, isStored }: SourceRef,
  { sources, objects }: { readonly sources: SourceProxy; readonly objects: WorkerObjects },
  lease: ObjectLease,
): OpenSource {
  if (url.startsWith('file:')) return { input: fileURLToPath(url) }
  if (!/^https?:/.test(url)) {
    throw new WebEncodeError('WE-JOB-002', 'The source URL must be http, https or a local file')
  }
  const renew = objects.sourceUrl?.bind(objects, lease) ?? (() => Promise.resolve(url))
  const proxied = sources.add(url, name, isStored && { renew })
  return { input: proxied.url, proxied }
}

/** The same source as a file of the task's directory, which goes with it. @throws WE-JOB-002 when it cannot be read */
export async function localSource(
  source: OpenSource,
  directory: string,
  signal: AbortSignal,
): Promise<OpenSource> {
  if (source.proxied === undefined) return source
  const response = await fetch(source.input, { signal })
  if (!response.ok || response.body === null) {
    throw new WebEncodeError('WE-JOB-002', `Cannot read the source: it answers ${response.status}`)
  }
  const input = join(directory, 'source')
  // The two declarations of the same stream differ in a detail of their types.
  const body = Readable.fromWeb(response.body as ReadableStream)
  await pipeline(body, createWriteStream(input), { signal })
  return { ...source, input }
}
