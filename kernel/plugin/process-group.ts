/** Signals to a plugin and everything it started. */
import process from 'node:process'

/**
 * Sends a signal to a whole process group; a group that is gone already is no error.
 * @param pid - of the process that leads the group. 0 would be the kernel's own group, and 1 every process there is
 */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid <= 1) throw new RangeError(`A process group must have a number above 1, found ${pid}`)
  try {
    process.kill(-pid, signal)
  } catch (failure) {
    const code: unknown = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
    // EPERM: what is left of the group belongs to someone else by now.
    if (code !== 'ESRCH' && code !== 'EPERM') throw failure
  }
}
