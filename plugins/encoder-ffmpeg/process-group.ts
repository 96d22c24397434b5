/** One child process in its own group, and the certain death of that group. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import type { Command } from './command.ts'

/** Time between asking a group to stop and killing it, in milliseconds. */
const graceMs = 500

/** A running process group. */
export interface ProcessGroup {
  /** Process id of the leader, which is the id of the group; undefined when it could not be started. */
  readonly pid: number | undefined
  /** Resolves when the leader is gone and its output was read to the end. */
  readonly ended: Promise<GroupEnd>
  /** SIGTERM now, SIGKILL after half a second. Calling it again changes nothing. */
  stop(): void
}

/** How the leader ended. */
export interface GroupEnd {
  readonly exitCode: number | null
  readonly signal: string | null
  /** Why it could not be started, if so. */
  readonly startError?: string
}

/** What a group is started with. */
export interface GroupOptions {
  readonly directory: string
  readonly environment: Record<string, string>
  readonly onStdout: (text: string) => void
  readonly onStderr: (text: string) => void
}

/**
 * Starts a command as the leader of a new process group. On Linux with `setpriv` it is also killed by
 * the system when this process dies, however that happens.
 */
export function startGroup(command: Command, options: GroupOptions): ProcessGroup {
  const [file = command.file, ...parameters] = [
    ...deathSignal(options.environment['PATH'] ?? ''),
    command.file,
    ...command.arguments,
  ]
  const child = execa(file, parameters, {
    cwd: options.directory,
    env: options.environment,
    extendEnv: false,
    stdin: 'ignore',
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
  })
  child.stdout?.setEncoding('utf8').on('data', options.onStdout)
  child.stderr?.setEncoding('utf8').on('data', options.onStderr)
  const pid = child.pid
  let killTimer: NodeJS.Timeout | undefined
  // Whatever the leader left behind would hold the pipes open and work on.
  child.nodeChildProcess.once('exit', () => signalGroup(pid, 'SIGKILL'))
  return {
    pid,
    ended: child.then((end) => {
      clearTimeout(killTimer)
      return groupEndFrom(end)
    }),
    stop() {
      if (killTimer !== undefined) return
      signalGroup(pid, 'SIGTERM')
      killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
    },
  }
}

/** Sends a signal to a whole group; a group that is gone already is no error. */
export function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure
  }
}

function groupEndFrom(end: {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
  readonly code?: string | undefined
  readonly shortMessage?: string | undefined
}): GroupEnd {
  const started = end.exitCode !== undefined || end.signal !== undefined
  return {
    exitCode: end.exitCode ?? null,
    signal: end.signal ?? null,
    ...(!started && { startError: end.shortMessage ?? end.code ?? 'unknown reason' }),
  }
}

const deathSignals = new Map<string, readonly string[]>()

/** The prefix that ties a child's life to ours, or nothing where the system has no such thing. */
function deathSignal(path: string): readonly string[] {
  const known = deathSignals.get(path)
  if (known) return known
  const found = process.platform === 'linux' && path.split(delimiter).some(hasSetpriv)
  const prefix = found ? ['setpriv', '--pdeathsig', 'KILL'] : []
  deathSignals.set(path, prefix)
  return prefix
}

function hasSetpriv(directory: string): boolean {
  try {
    accessSync(join(directory, 'setpriv'), constants.X_OK)
    return true
  } catch {
    return false
  }
}
