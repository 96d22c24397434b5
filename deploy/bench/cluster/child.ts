/** Processes of the cluster benchmark that answer their parent's questions. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../../kernel/errors.ts'
import { endAll, endLater } from '../../cluster/endings.ts'

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly failure?: string
}

/** What a process answers, by name. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>

type Argument<F> = F extends (argument: infer A) => unknown ? A : never
type Answer<F> = F extends (argument: never) => infer R ? Awaited<R> : never

/** A process that answers `A`. */
export interface Child<A extends Answers> {
  /** @throws what the answer throws, and when the process ends before it */
  ask<Name extends keyof A & string>(
    name: Name,
    argument: Argument<A[Name]>,
  ): Promise<Answer<A[Name]>>
  /** Ends the process and waits. */
  stop(): Promise<void>
}

/** Starts a module of this folder as a process. Node raises its limit of open files to the hard one by itself. */
export function startChild<A extends Answers>(module: string): Child<A> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)))
  const open = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  child.on('message', ({ id, value, failure }: Reply) => {
    const asked = open.get(id)
    open.delete(id)
    if (failure === undefined) asked?.resolve(value)
    else asked?.reject(new Error(`${module}: ${failure}`))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of open.values()) {
      reject(new Error(`${module} ended with ${signal ?? code}`))
    }
  })
  return {
    async ask(name, argument) {
      const asked = Promise.withResolvers<unknown>()
      const question: Question = { id: ++lastId, name, argument }
      open.set(question.id, asked)
      child.send(question)
      return await asked.promise as never
    },
    stop: endLater(() => stop(child)),
  }
}

/** It leaves by itself when its parent hangs up, or else it is ended. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), leaveMs)
  child.disconnect()
  await exited
  clearTimeout(timer)
}

const leaveMs = 5000

/** Answers the parent until it is gone. */
export function answerParent(answers: Answers): void {
  process.on('message', ({ id, name, argument }: Question) => {
    void replyFrom(id, () => answers[name]?.(argument as never))
      .then((reply) => process.send?.(reply))
  })
  process.on('disconnect', () => void endAll().finally(() => process.exit()))
  // Of Ctrl-C, which reaches the whole group, the parent hears too: it hangs up when it ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
}

async function replyFrom(id: number, answer: () => unknown): Promise<Reply> {
  try {
    return { id, value: await answer() }
  } catch (error) {
    return { id, failure: messageOf(error) }
  }
}
