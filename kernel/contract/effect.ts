/** Effects: what an actor asks for when it changes. Each is a row of the outbox until it is done. */
import { z } from 'zod'
import { jsonSchema } from './json.ts'
import { lanes } from './task.ts'
import { workerCommands } from './worker.ts'

/** Params of the named actions of the machines. `spawn` happens in the same transaction; the rest after it. */
export const effectSchemas = {
  /** Create an actor. Creating it again changes nothing. */
  spawn: z.strictObject({ type: z.string(), id: z.string(), input: jsonSchema }),
  /** Send an event to one actor. */
  tell: z.strictObject({ to: z.string(), event: z.looseObject({ type: z.string() }) }),
  /** Send an event to every task of a job. */
  tellTasks: z.strictObject({ jobId: z.string(), event: z.looseObject({ type: z.string() }) }),
  /** Ring the doorbell of a lane: a task is ready. */
  ring: z.strictObject({ taskId: z.string(), lane: z.enum(lanes), region: z.string() }),
  /** Tell a worker at once that a lease is gone. */
  interrupt: z.strictObject({ workerId: z.string(), taskId: z.string(), leaseToken: z.string() }),
  /** Tell a worker at once what it is to do. */
  command: z.strictObject({
    workerId: z.string(),
    session: z.string(),
    command: z.enum(workerCommands),
  }),
  /** Delete the intermediates of a job. */
  clean: z.strictObject({ jobId: z.string() }),
  /** Say that something happened: live updates, audit, webhooks. */
  announce: z.strictObject({ topic: z.string(), jobId: z.string().optional(), data: jsonSchema }),
} as const

export type EffectName = keyof typeof effectSchemas
export type EffectParams<Name extends EffectName> = z.infer<(typeof effectSchemas)[Name]>
