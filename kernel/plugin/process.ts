/** One plugin process in its own group: start, first line, exit, and the certain death of the group. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { PluginExit } from '../contract/plugin.ts'
import { messageOf, WebEncodeError } from '../errors.ts'
import type { LogBook } from './log-book.ts'
import { readOutput } from './output.ts'
import { signalGroup } from './process-group.ts'
import type { SandboxedCommand } from './sandbox.ts'

/** A running process. Its standard input stays open: a plugin that reads its end knows that the kernel is gone. */
export interface PluginProcess {
  readonly pid: number
  readonly exited: Promise<PluginExit>
  /** The first line on standard output: the handshake. Undefined when there was none before the process ended. */
  readonly firstLine: Promise<string | undefined>
  /** SIGTERM to the group, SIGKILL after `graceMs`. Again changes nothing. */
  stop(graceMs: number): Promise<PluginExit>
}

/** Starts the command. What it writes after its first line goes to the log book. @throws WE-PLG-004 when it cannot be started */
export async function startProcess(
  plugin: string,
  command: SandboxedCommand,
  folder: string,
  logs: LogBook,
): Promise<PluginProcess> {
  const child = spawn(command.file, command.arguments, {
    cwd: folder,
    env: command.environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const pid = await startedPid(plugin, child)
  // Writing is never tried, but a pipe that breaks must not end the kernel.
  child.stdin.on('error', () => {})
  const exit = Promise.withResolvers<PluginExit>()
  let isExpected = false
  let isGone = false
  child.once('exit', (exitCode, signal) => {
    isGone = true
    // Whatever the leader left behind would work on, with the plugin's secrets.
    signalGroup(pid, 'SIGKILL')
    exit.resolve({ exitCode, signal, isExpected })
  })
  const firstLine = readOutput(child, exit.promise, logs)
  return {
    pid,
    exited: exit.promise,
    firstLine,
    async stop(graceMs) {
      // Its number may be another process's by now.
      if (isGone) return await exit.promise
      isExpected = true
      signalGroup(pid, 'SIGTERM')
      // A runtime that is reading its input (Deno) cannot end before that ends.
      child.stdin.end()
      const kill = () => isGone || signalGroup(pid, 'SIGKILL')
      const timer = setTimeout(kill, Math.max(0, graceMs))
      try {
        return await exit.promise
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function startedPid(plugin: string, child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (failure) => {
      const reason = `Cannot start plugin "${plugin}": ${messageOf(failure)}`
      reject(new WebEncodeError('WE-PLG-004', reason, { cause: failure, next: 'stop' }))
    })
    child.once('spawn', () => {
      if (child.pid !== undefined) resolve(child.pid)
    })
  })
}
