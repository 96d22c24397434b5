/** What a plugin process writes: its first line is the handshake, the rest goes to its log, no faster than the kernel likes to read. */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { PluginExit } from '../contract/plugin.ts'
import { createLineSplitter, type LogBook } from './log-book.ts'

/**
 * Characters that are read of each stream in a second. A plugin that writes more waits: it would keep a core of the kernel busy, which
 * reads 100 MB of short lines in 8 s and can do little else meanwhile.
 */
const charactersPerSecond = 1024 * 1024
/** How long a process that left the group may hold the pipes of one that ended, in milliseconds. */
const heldPipesMs = 500

/** Reads until the process ends. @returns the first line on standard output; undefined when there was none */
export function readOutput(
  child: ChildProcess,
  exited: Promise<PluginExit>,
  logs: LogBook,
): Promise<string | undefined> {
  const first = Promise.withResolvers<string | undefined>()
  let isHandshakeDone = false
  const splitter = createLineSplitter((line) => {
    if (isHandshakeDone) return logs.write('stdout', `${line}\n`)
    isHandshakeDone = true
    first.resolve(line)
  })
  const closers = [
    readPaced(child.stdout, splitter),
    readPaced(child.stderr, (text) => logs.write('stderr', text)),
  ]
  child.once('close', () => first.resolve(undefined))
  void exited.then(() => {
    for (const close of closers) close()
    const timer = setTimeout(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      first.resolve(undefined)
    }, heldPipesMs)
    child.once('close', () => clearTimeout(timer))
  })
  return first.promise
}

/** @returns reads what is left without a pause: nobody writes any more */
function readPaced(stream: Readable | null, take: (text: string) => void): () => void {
  if (stream === null) return () => {}
  let [second, taken] = [0, 0]
  let isOver = false
  let pause: ReturnType<typeof setTimeout> | undefined
  stream.setEncoding('utf8').on('data', (text: string) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) [second, taken] = [now, 0]
    taken += text.length
    take(text)
    if (taken < charactersPerSecond || isOver) return
    stream.pause()
    pause = setTimeout(() => stream.resume(), 1000)
  })
  // A pipe that breaks must not end the kernel.
  stream.on('error', () => {})
  return () => {
    isOver = true
    clearTimeout(pause)
    stream.resume()
  }
}
