/** Remembers running process groups on disk, so that the next life can end what this one left behind. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../kernel/log.ts'
import { signalGroup } from './process-group.ts'

/** Notes of the groups that run now. */
export interface GroupNotes {
  write(pid: number): void
  remove(pid: number): void
}

/** Notes that are never written: for an encoder without a directory for them. */
export const noNotes: GroupNotes = { write() {}, remove() {} }

/**
 * Opens the notes in `directory` and kills every group that a former life noted and that still runs.
 * A process is the noted one only if it also started at the noted time: ids are used again.
 */
export function openNotes(directory: string, log: Log): GroupNotes {
  mkdirSync(directory, { recursive: true })
  for (const name of readdirSync(directory)) killNoted(join(directory, name), log)
  return {
    write(pid) {
      const note = { pid, started: startTimeOf(pid) }
      writeFileSync(join(directory, `${pid}.json`), JSON.stringify(note))
    },
    remove: (pid) => rmSync(join(directory, `${pid}.json`), { force: true }),
  }
}

function killNoted(file: string, log: Log): void {
  const { pid, started } = readNote(file)
  if (pid !== undefined && started !== undefined && startTimeOf(pid) === started) {
    log.warn('Killing an FFmpeg process of a former life', { pid })
    signalGroup(pid, 'SIGKILL')
  }
  rmSync(file, { force: true })
}

/** A note cut off by a crash reads as empty: its process died with the power. */
function readNote(file: string): { pid?: number; started?: string } {
  try {
    const note: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof note !== 'object' || note === null) return {}
    const { pid, started } = note as { pid?: unknown; started?: unknown }
    if (typeof pid !== 'number' || pid < 2 || typeof started !== 'string') return {}
    return { pid, started }
  } catch {
    return {}
  }
}

/** Clock ticks since boot at which a process started (field 22 of /proc/PID/stat); undefined when it is gone. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in field 2 may hold spaces and brackets, so fields are counted from its end.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
