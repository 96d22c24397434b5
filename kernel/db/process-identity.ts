/** Which process this is, in a way that a later one with the same number cannot claim. */
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import process from 'node:process'

export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** The boot and the process-number space in which `pid` means something; '' where the system does not tell. */
  readonly space: string
  /** When the process started, in clock ticks since the boot; '' where the system does not tell. */
  readonly startedAt: string
}

/** The identity of a process of this machine. @default this process */
export async function processIdentity(pid: number = process.pid): Promise<ProcessIdentity> {
  return {
    pid,
    host: hostname(),
    space: await readSpace(),
    startedAt: await readStart(pid),
  }
}

/** Whether that process still lives; undefined when it cannot be seen from here. A zombie is dead: it writes no more. */
export async function isSameProcess(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.host !== hostname() || identity.space !== await readSpace()) return undefined
  if (!exists(identity.pid)) return false
  return identity.startedAt === await readStart(identity.pid)
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (failure) {
    // EPERM: it lives, under another user.
    return failure instanceof Error && Reflect.get(failure, 'code') === 'EPERM'
  }
}

async function readSpace(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    // Not Linux: the number of the process and the name of the host must do.
    return ''
  }
}

async function readStart(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets and may hold anything; then come the state and, as field 22, the start.
    const [state, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? 'ended' : rest[18] ?? ''
  } catch {
    // Not Linux, or the process ended between two looks: then nothing equals it.
    return ''
  }
}
