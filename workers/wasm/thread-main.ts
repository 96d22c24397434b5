/** The program of a thread: loads FFmpeg, does the one run it was started for, and tells how it ended. */
import { Buffer } from 'node:buffer'
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../kernel/errors.ts'
import { redirect, showFiles, showSink } from './core-files.ts'
import { loadCore, type LoadedCore } from './core.ts'
import type { RunOrder, ThreadReport, ThreadStart } from './messages.ts'

/** Where FFmpeg writes its progress, apart from its standard output. */
const progressPath = '/progress'

/** Messages carry their level, as those of a native FFmpeg do: failures are told apart by them. */
const logArguments = ['-hide_banner', '-loglevel', 'level+warning']
/** Declared outputs look as if they were there already, so FFmpeg is always told to overwrite. */
const quietArguments = ['-nostdin', '-y', '-nostats']
const progressArguments = ['-stats_period', '0.5', '-progress', progressPath]

const { module, order }: ThreadStart = workerData
report(perform(await loadCore(module), order))

function perform(core: LoadedCore, order: RunOrder): ThreadReport {
  const stdout = createBuffer(order.maxOutputBytes)
  try {
    redirect(core.files, 1, stdout.add)
    redirect(core.files, 2, reportText('stderr'))
    showSink(core.files, progressPath, reportText('progress'))
    showFiles(core.files, order)
    const exitCode = core.call(order.tool, [...globalArguments(order.tool), ...order.arguments])
    const heapBytes = core.heapBytes()
    return { kind: 'end', exitCode, stdout: stdout.text(), isStdoutCut: stdout.isCut(), heapBytes }
  } catch (failure) {
    return { kind: 'fault', message: messageOf(failure), heapBytes: core.heapBytes() }
  }
}

function globalArguments(tool: RunOrder['tool']): readonly string[] {
  if (tool === 'ffprobe') return logArguments
  return [...logArguments, ...quietArguments, ...progressArguments]
}

/** Characters may be cut in two between writes, so each stream has its own decoder. */
function reportText(stream: 'stderr' | 'progress'): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder()
  return (bytes) => {
    const text = decoder.decode(bytes, { stream: true })
    if (text !== '') report({ kind: 'text', stream, text })
  }
}

function createBuffer(maxBytes: number) {
  const parts: Uint8Array[] = []
  let room = maxBytes
  let isCut = false
  return {
    add: (bytes: Uint8Array) => {
      if (room > 0) parts.push(bytes.subarray(0, room))
      if (bytes.length > room) isCut = true
      room = Math.max(0, room - bytes.length)
    },
    text: () => Buffer.concat(parts).toString('utf8'),
    isCut: () => isCut,
  }
}

function report(message: ThreadReport): void {
  parentPort?.postMessage(message)
}
