/** The file of users: read when it changed, written whole or not at all, by one process at a time. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { roles } from '../../kernel/contract/auth.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'

const tokenSchema = z.strictObject({
  /** SHA-256 in hex; the token itself is never stored. */
  hash: z.string(),
  createdAtUnix: z.int(),
  /** 0: does not expire. */
  expiresAtUnix: z.int(),
})

const userSchema = z.strictObject({
  id: z.string(),
  username: z.string(),
  email: z.string(),
  displayName: z.string(),
  role: z.enum(roles),
  password: z.string().optional(),
  tokens: z.array(tokenSchema),
  createdAtUnix: z.int(),
  lastLoginUnix: z.int(),
})

const fileSchema = z.strictObject({
  version: z.literal(1),
  users: z.array(userSchema),
  /** One-time codes that were neither used nor expired when the file was written. */
  codes: z.array(z.strictObject({ hash: z.string(), userId: z.string(), expiresAtUnix: z.int() })),
})

export type User = z.infer<typeof userSchema>
export type UserData = z.infer<typeof fileSchema>

/** The users on disk. */
export interface UserFile {
  /** The current content, not to be changed. @throws WE-AUTH-005 when the file is damaged */
  read(): Promise<UserData>
  /** Changes the content; changes are made one after the other, over all processes. Nothing is written when `edit` throws. */
  change<T>(edit: (data: UserData) => T): Promise<T>
}

/** A process that holds the lock longer than this is dead. */
const staleLockMs = 10_000
const lockRetryMs = 20

/** Opens the file at this path. It need not exist. */
export function openUserFile(path: string): UserFile {
  let known: { readonly stamp: string; readonly data: UserData } | undefined
  let last: Promise<unknown> = Promise.resolve()

  const read = async () => {
    const stamp = await stampOf(path)
    if (known?.stamp !== stamp) known = { stamp, data: await load(path, stamp) }
    return known.data
  }
  const changeAlone = async <T>(edit: (data: UserData) => T): Promise<T> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const unlock = await lock(`${path}.lock`)
    try {
      const data = structuredClone(await read())
      const result = edit(data)
      await save(path, data)
      known = undefined
      return result
    } finally {
      await unlock()
    }
  }
  return {
    read,
    change<T>(edit: (data: UserData) => T): Promise<T> {
      const turn = last.then(() => changeAlone(edit))
      last = turn.catch(() => {}) // the caller gets the failure; the next change does not care
      return turn
    },
  }
}

/** Changes whenever the file does; empty without a file. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true })
    return `${mtimeNs}.${size}.${ino}`
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw unavailable(path, error)
  }
}

async function load(path: string, stamp: string): Promise<UserData> {
  if (stamp === '') return { version: 1, users: [], codes: [] }
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    throw unavailable(path, error)
  }
}

/** Readable by its owner only; replaced in one step. */
async function save(path: string, data: UserData): Promise<void> {
  const part = `${path}.${randomUUID()}.part`
  try {
    const file = await open(part, 'wx', 0o600)
    try {
      await file.writeFile(JSON.stringify(data, null, 2) + '\n')
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw unavailable(path, error)
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return () => rm(path, { force: true })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw unavailable(path, error)
    }
    if (await ageMs(path) > staleLockMs) await rm(path, { force: true })
    else await new Promise((resolve) => setTimeout(resolve, lockRetryMs))
  }
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0 // just released
    throw unavailable(path, error)
  }
}

function unavailable(path: string, cause: unknown): WebEncodeError {
  return new WebEncodeError(
    'WE-AUTH-005',
    `Cannot use the user file ${path}: ${messageOf(cause)}`,
    {
      cause,
    },
  )
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined
}
