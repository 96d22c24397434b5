/** A lock on a directory that outlives no process: PGlite itself lets two processes ruin one database. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { WebEncodeError } from '../errors.ts'
import { isSameProcess, type ProcessIdentity, processIdentity } from './process-identity.ts'

export interface DirectoryLock {
  /** Lets the next one in. */
  release(): Promise<void>
}

/** How often the holder says that it lives, to those who cannot see its process (another container, another host). */
const beatMs = 5_000
/** Silence after which a holder that cannot be seen counts as dead. */
const silentMs = 20_000
/** A taker that died while taking over blocks others for this long. */
const takingMs = 10_000

interface Holder extends ProcessIdentity {
  /** Different for each lock taken. */
  readonly id: string
}

/**
 * Locks the directory, making it when it is missing. The lock of a process that died is taken over.
 * @throws WE-SYS-002 naming the process that holds it
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(resolve(directory), 'lock')
  const holder: Holder = { ...await processIdentity(), id: randomUUID() }
  if (!(await create(path, holder))) await takeOver(path, holder, directory)
  const beat = setInterval(() => void touch(path), beatMs)
  beat.unref()
  return {
    async release() {
      clearInterval(beat)
      if ((await read(path))?.id === holder.id) await rm(path, { force: true })
    },
  }
}

/** Creates the file with its content in one step; false when there is one. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.id}`
  await writeFile(draft, JSON.stringify(holder))
  try {
    await link(draft, path)
    return true
  } catch (failure) {
    if (codeOf(failure) === 'EEXIST') return false
    throw failure
  } finally {
    await rm(draft, { force: true })
  }
}

/** Only one taker at a time looks and removes; otherwise a slow one could remove the lock of a fast one. */
async function takeOver(path: string, holder: Holder, directory: string): Promise<void> {
  const taking = `${path}.taking`
  if (await silenceMs(taking) > takingMs) await rm(taking, { recursive: true, force: true })
  try {
    await mkdir(taking)
  } catch (failure) {
    if (codeOf(failure) === 'EEXIST') throw inUse(directory, undefined)
    throw failure
  }
  try {
    const found = await read(path)
    if (found !== undefined && await isAlive(found, path)) throw inUse(directory, found)
    await rm(path, { force: true })
    if (!(await create(path, holder))) throw inUse(directory, await read(path))
  } finally {
    await rm(taking, { recursive: true, force: true })
  }
}

async function isAlive(holder: Holder, path: string): Promise<boolean> {
  const seen = await isSameProcess(holder)
  return seen ?? await silenceMs(path) < silentMs
}

/** Milliseconds since the file was touched; 0 when it is gone. */
async function silenceMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch (failure) {
    if (codeOf(failure) === 'ENOENT') return 0
    throw failure
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  // A directory that was removed under us has no lock to keep fresh; the database itself reports the loss.
  await utimes(path, now, now).catch(() => {})
}

/** The holder; undefined when there is no lock, or what is there is not one (an old half-written file). */
async function read(path: string): Promise<Holder | undefined> {
  try {
    const holder: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof holder === 'object' && holder !== null && 'pid' in holder && 'id' in holder
      ? holder as Holder
      : undefined
  } catch (failure) {
    if (failure instanceof SyntaxError || codeOf(failure) === 'ENOENT') return undefined
    throw failure
  }
}

function inUse(directory: string, holder: Holder | undefined): WebEncodeError {
  const who = holder === undefined
    ? 'another process is opening it'
    : `process ${holder.pid} on ${holder.host} uses it`
  return new WebEncodeError(
    'WE-SYS-002',
    `Cannot open the database in "${directory}": one process at a time may use it, and ${who}`,
    { next: 'stop' },
  )
}

function codeOf(failure: unknown): unknown {
  return failure instanceof Error ? Reflect.get(failure, 'code') : undefined
}
