/** Remembers running plugin processes on disk, so that the next kernel can end what a killed one left behind. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isSameProcess, processIdentity } from '../db/process-identity.ts'
import type { Log } from '../log.ts'
import { isGroupLeft } from './group-left.ts'
import { signalGroup } from './process-group.ts'

const identitySchema = z.strictObject({
  pid: z.int().min(2),
  host: z.string(),
  space: z.string(),
  startedAt: z.string(),
})
const noteSchema = z.strictObject({
  plugin: z.string(),
  process: identitySchema,
  /** The kernel that started it. */
  kernel: identitySchema,
  /** Folder of that start, with its socket. */
  runDirectory: z.string(),
})
type Note = z.infer<typeof noteSchema>

/** Notes of the processes that run now. */
export interface ProcessNotes {
  write(plugin: string, pid: number, runDirectory: string): Promise<void>
  remove(pid: number): Promise<void>
}

/**
 * Opens the notes in `directory` and ends every process whose kernel is gone. Kernels that share the directory leave one
 * another's plugins alone, and a number that another process has by now is never signalled.
 */
export async function openProcessNotes(directory: string, log: Log): Promise<ProcessNotes> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  for (const name of await readdir(directory)) {
    if (name.endsWith('.json')) await endLeftover(join(directory, name), log)
  }
  const kernel = await processIdentity()
  const fileOf = (pid: number) => join(directory, `${kernel.host}-${pid}.json`)
  return {
    async write(plugin, pid, runDirectory) {
      const note: Note = { plugin, process: await processIdentity(pid), kernel, runDirectory }
      const unfinished = `${fileOf(pid)}.new`
      await writeFile(unfinished, JSON.stringify(note), { mode: 0o600 })
      // Whole or not at all: a kernel that opens the notes now would take half of one for torn, and delete it.
      await rename(unfinished, fileOf(pid))
    },
    remove: (pid) => rm(fileOf(pid), { force: true }),
  }
}

async function endLeftover(file: string, log: Log): Promise<void> {
  const note = await readNote(file)
  // A note cut off by a crash says nothing that could be acted on.
  if (note === undefined) return await rm(file, { force: true })
  if (await isSameProcess(note.kernel) !== false) return
  const isAlive = await isSameProcess(note.process)
  if (isAlive || (isAlive === false && await isGroupLeft(note.process.pid, note.runDirectory))) {
    log.warn('Killing a plugin of a former kernel', { plugin: note.plugin, pid: note.process.pid })
    signalGroup(note.process.pid, 'SIGKILL')
  }
  await rm(note.runDirectory, { recursive: true, force: true })
  await rm(file, { force: true })
}

async function readNote(file: string): Promise<Note | undefined> {
  try {
    return noteSchema.safeParse(JSON.parse(await readFile(file, 'utf8'))).data
  } catch {
    return undefined
  }
}
