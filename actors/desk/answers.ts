/** Answers questions of workers: each is read strictly, and what is refused is noted. */
import type { z } from 'zod'
import type { Bus, Subscription } from '../../kernel/bus/bus.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Refusals } from './refusals.ts'

export interface Answers {
  /** Starts answering one question. */
  answer<Schema extends z.ZodType>(
    subject: string,
    schema: Schema,
    handler: (request: z.infer<Schema>) => Promise<unknown>,
  ): Promise<void>
  /** Stops answering and waits for the answers under way. */
  close(): Promise<void>
}

export function createAnswers(bus: Pick<Bus, 'respond'>, refusals: Refusals): Answers {
  const subscriptions: Subscription[] = []
  return {
    async answer(subject, schema, handler) {
      const subscription = await bus.respond(subject, async (data) => {
        try {
          return (await handler(parse(schema, data))) as Json
        } catch (failure) {
          refusals.note(subject, data, failure)
          throw failure
        }
      })
      subscriptions.push(subscription)
    },
    async close() {
      await Promise.all(subscriptions.splice(0).map((subscription) => subscription.close()))
    },
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, data: Json): z.infer<Schema> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  const problem = `The worker's message cannot be read: ${path} ${issue?.message ?? ''}`
  throw new WebEncodeError('WE-WRK-004', problem, { path, cause: parsed.error, next: 'stop' })
}
