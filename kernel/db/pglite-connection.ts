/** The main thread's end of the talk with PGlite's thread: requests out, replies matched, a dead thread noticed. */
import { Worker } from 'node:worker_threads'
import { databaseFailure, statementFailure } from './failure.ts'
import type { ThreadReply, ThreadRequest, ThreadSetup, WireRows } from './pglite-messages.ts'
import type { WireText } from './wire-values.ts'

export interface PgliteConnection {
  query(text: string, values: readonly WireText[], begin: boolean): Promise<WireRows>
  script(text: string): Promise<void>
  /** The data directory as a tar. */
  dump(): Promise<Uint8Array>
  /** Calls `handler` for every notification of the session. */
  onNotification(handler: (channel: string, payload: string) => void): void
  /** Shuts the server down and ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  readonly statement: string
  readonly resolve: (reply: ThreadReply) => void
  readonly reject: (failure: unknown) => void
}

/** A request without its id. */
type Question = ThreadRequest extends infer Request
  ? Request extends ThreadRequest ? Omit<Request, 'id'> : never
  : never

/** Sources run as `.ts`, the build as `.js`; the thread's file has the ending of this one. */
const threadFile = new URL(
  `./pglite-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
)

/**
 * Starts the thread and waits until its server answers.
 * @throws WE-SYS-002 when the server does not start
 */
export async function connectPglite(setup: ThreadSetup): Promise<PgliteConnection> {
  const worker = new Worker(threadFile, { workerData: setup })
  const waiting = new Map<number, Waiting>()
  const notified: ((channel: string, payload: string) => void)[] = []
  let ids = 0
  let death: unknown

  const settle = (id: number): Waiting | undefined => {
    const entry = waiting.get(id)
    waiting.delete(id)
    // An idle database does not keep the process alive; a statement that runs does.
    if (waiting.size === 0) worker.unref()
    return entry
  }

  const ask = (question: Question): Promise<ThreadReply> =>
    new Promise((resolve, reject) => {
      if (death !== undefined) return reject(databaseFailure('use the database', death))
      const id = ++ids
      waiting.set(id, {
        statement: 'text' in question ? question.text : question.kind,
        resolve,
        reject,
      })
      if (waiting.size === 1) worker.ref()
      worker.postMessage({ ...question, id })
    })

  const receive = (reply: ThreadReply) => {
    if (reply.kind === 'notification') {
      notified.forEach((handler) => handler(reply.channel, reply.payload))
    }
    if (!('id' in reply)) return
    const entry = settle(reply.id)
    if (reply.kind === 'failed') entry?.reject(statementFailure(reply.report, entry.statement))
    else entry?.resolve(reply)
  }

  const die = (cause: unknown) => {
    death ??= cause
    for (const id of waiting.keys()) {
      settle(id)?.reject(databaseFailure('finish a statement', death))
    }
  }

  await started(worker)
  worker.on('message', receive)
  worker.on('error', die)
  worker.on('exit', (code) => die(new Error(`the thread of the database ended with code ${code}`)))
  worker.unref()

  return {
    async query(text, values, begin) {
      const reply = await ask({ kind: 'query', text, values, begin })
      return reply.kind === 'rows' ? reply.result : unexpected(reply)
    },
    async script(text) {
      await ask({ kind: 'script', text })
    },
    async dump() {
      const reply = await ask({ kind: 'dump' })
      return reply.kind === 'dumped' ? reply.tar : unexpected(reply)
    },
    onNotification: (handler) => void notified.push(handler),
    async close() {
      await ask({ kind: 'close' })
      await worker.terminate()
    },
  }
}

function started(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      forget()
      void worker.terminate()
      reject(databaseFailure('start the embedded database', cause))
    }
    const onExit = (code: number) => fail(new Error(`its thread ended with code ${code}`))
    const onMessage = (reply: ThreadReply) => {
      if (reply.kind === 'unusable') return fail(new Error(reply.message))
      forget()
      resolve()
    }
    const forget = () => worker.off('error', fail).off('exit', onExit).off('message', onMessage)
    worker.on('error', fail).on('exit', onExit).on('message', onMessage)
  })
}

function unexpected(reply: ThreadReply): never {
  throw new TypeError(`pglite-thread answered "${reply.kind}" to another kind of request`)
}
