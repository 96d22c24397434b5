/** Signals to a plugin and everything it started. */
import process from 'node:process'

/** Sends a signal to a whole process group; a group that is gone already is no error. */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch (failure) {
    const code: unknown = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
    // EPERM: what is left of the group belongs to someone else by now.
    if (code !== 'ESRCH' && code !== 'EPERM') throw failure
  }
}
