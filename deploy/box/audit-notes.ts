/** What the command line changed in a data folder, noted there for the audit: its database is the kernel's, which takes the notes over. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type { AuditWriter } from '../../kernel/audit/writer.ts'
import type { Clock } from '../../kernel/clock.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

const noteSchema = z.strictObject({
  id: z.string(),
  action: z.string().max(100),
  userId: z.string().max(300),
  /** Name that the machine knows whoever typed the command by. */
  by: z.string().max(200),
  changed_at: z.iso.datetime(),
  detail: z.record(z.string().max(100), z.string().max(1000)),
})
type Note = z.infer<typeof noteSchema>

const everyMs = 2000

/** Notes a change of a user. @param detail - never a secret @throws the failure of the file system */
export async function noteForAudit(
  directory: string,
  action: string,
  userId: string,
  detail: Note['detail'] = {},
): Promise<void> {
  const id = `act-${randomUUID()}`
  const changed_at = new Date().toISOString()
  const note: Note = { id, action, userId, by: userInfo().username, changed_at, detail }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `${id}.json`)
  // Whole, or not there: a kernel may look at any moment.
  await writeFile(`${path}.part`, JSON.stringify(note), { mode: 0o600 })
  await rename(`${path}.part`, path)
}

/**
 * Makes rows of the notes and deletes them. Kernels that share the folder may do so at once: a row is written once.
 * @throws what `record` does, and WE-SYS-001 for a note that is none, which is not looked at again
 */
export async function takeNotes(
  directory: string,
  audit: Pick<AuditWriter, 'record'>,
): Promise<void> {
  const names = (await namesIn(directory)).filter((name) => name.endsWith('.json'))
  for (const name of names) {
    const path = join(directory, name)
    const text = await textOf(path)
    if (text === undefined) continue
    const note = noteFrom(text)
    if (note === undefined) await setAside(path)
    else {
      await audit.record(eventFrom(note))
      await rm(path, { force: true })
    }
  }
}

/** Takes the notes now and then. @returns stops it, and waits for the round that runs */
export function watchNotes(
  { directory, audit, clock, log }: {
    readonly directory: string
    readonly audit: Pick<AuditWriter, 'record'>
    readonly clock: Clock
    readonly log: Log
  },
): () => Promise<void> {
  let isStopped = false
  let cancel = () => {}
  const round = async () => {
    try {
      await takeNotes(directory, audit)
    } catch (error) {
      log.error('cannot take over what the command line noted for the audit', { directory, error })
    }
    if (!isStopped) cancel = clock.after(everyMs, begin)
  }
  let running = round()
  function begin() {
    running = round()
  }
  return async () => {
    isStopped = true
    cancel()
    await running
  }
}

function noteFrom(text: string): Note | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined // not JSON: no note either
  }
}

/** Kept for a person to look at, out of the way of the others. */
async function setAside(path: string): Promise<never> {
  await rename(path, `${path}.unreadable`)
  throw new WebEncodeError('WE-SYS-001', `Cannot read ${basename(path)}: it must be a note`)
}

function eventFrom({ id, action, userId, by, changed_at, detail }: Note) {
  return {
    id,
    kind: 'user_action' as const,
    action,
    actor: { id: null, name: by, role: null },
    clientIp: null,
    resourceType: 'user',
    resourceId: userId,
    outcome: 'allowed' as const,
    correlationId: id,
    detail: { ...detail, route: 'command line', changed_at },
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (failure) {
    if (isMissing(failure)) return []
    throw failure
  }
}

/** Undefined when another kernel was faster. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (failure) {
    if (isMissing(failure)) return undefined
    throw failure
  }
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT'
}
