/** The bus port: doorbells, announcements and questions between processes. It may lose everything; the database is the truth. */
import type { Json } from '../contract/json.ts'

export interface Message {
  readonly subject: string
  readonly data: Json
  /** Set by the publisher; a durable stream drops a second message with the same id inside its window. */
  readonly id: string | undefined
}

export interface Subscription {
  /** Stops new messages and waits for the handlers that run. */
  close(): Promise<void>
}

export interface ConsumeOptions {
  /** Subject filter; the last token may be `>`, any token `*`. */
  readonly filter: string
  /** Name of the durable consumer; consumers of one name share its messages. */
  readonly name: string
  /** Messages handled at the same time. @default 1 */
  readonly concurrency?: number
  /** Unacknowledged messages come again after this time. @default 30_000 */
  readonly ackWaitMs?: number
}

/** Durable streams by subject prefix; a work queue gives each message to one consumer. */
export interface Bus {
  /** Resolves when the bus has the message: stored by its stream, or handed to the current subscribers. */
  publish(subject: string, data: Json, options?: { id?: string }): Promise<void>
  /** Calls `handler` for messages from now on. A handler that throws is logged and does not stop the others. */
  subscribe(
    filter: string,
    handler: (message: Message) => void | Promise<void>,
  ): Promise<Subscription>
  /** Work-queue consumer: a message is removed when `handler` resolves and comes again when it throws. */
  consume(
    options: ConsumeOptions,
    handler: (message: Message) => Promise<void>,
  ): Promise<Subscription>
  /** Asks one responder. @throws WE-SYS-003 when nobody answers within `timeoutMs`; the responder's own WebEncodeError otherwise */
  request(subject: string, data: Json, options: { timeoutMs: number }): Promise<Json>
  /** Answers requests; responders of the same subject share them. */
  respond(subject: string, handler: (data: Json) => Promise<Json>): Promise<Subscription>
  /** Messages waiting for a work-queue consumer. */
  backlog(filter: string): Promise<number>
  close(): Promise<void>
}
