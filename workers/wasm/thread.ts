/** One thread with one FFmpeg run in it: started for the run, gone after it. */
import { Worker } from 'node:worker_threads'
import type { RunEnd, RunFault, ThreadReport, ThreadStart } from './messages.ts'

/** A run that goes on in its own thread. */
export interface RunningThread {
  /** How it ended. A thread that dies without a word ends in a fault. Never rejects. */
  readonly ended: Promise<RunEnd | RunFault>
  /** Kills the thread, even one that computes for ever; resolves when it is gone. */
  kill(): Promise<void>
}

const program = new URL(
  `./thread-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
  import.meta.url,
)

/**
 * Starts the thread.
 * @param onText - receives standard error and progress as they come
 */
export function startThread(
  start: ThreadStart,
  onText: (stream: 'stderr' | 'progress', text: string) => void,
): RunningThread {
  const { promise, resolve } = Promise.withResolvers<RunEnd | RunFault>()
  const fault = (message: string) => resolve({ kind: 'fault', message, heapBytes: 0 })
  const worker = new Worker(program, { workerData: start, env: {} })
  worker.on('message', (report: ThreadReport) => {
    if (report.kind === 'text') onText(report.stream, report.text)
    else resolve(report)
  })
  worker.on('error', (error) => fault(error instanceof Error ? error.message : String(error)))
  worker.on('exit', (code) => fault(`The thread ended with exit code ${code}`))
  return {
    ended: promise,
    async kill() {
      await worker.terminate()
    },
  }
}
