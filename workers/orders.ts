/** What the kernel pushes to one worker: to stop a task, and what people want of the worker as a whole. */
import type { z } from 'zod'
import type { Bus, Subscription } from '../kernel/bus/bus.ts'
import { commandSubject, interruptSubject } from '../kernel/bus/subjects.ts'
import { commandSchema, interruptSchema, type WorkerCommand } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'

export interface OrderOptions {
  readonly bus: Pick<Bus, 'subscribe'>
  readonly log: Log
  readonly workerId: string
  /** Commands for other sessions are for other processes. */
  readonly session: string
  /** The task with this lease must stop. */
  readonly onInterrupt: (leaseToken: string) => void
  /** A command was pushed; it may be one that is known already. */
  readonly onPush: (command: WorkerCommand) => void
  /** A command is news. */
  readonly onCommand: (command: WorkerCommand) => void
}

export class Orders {
  readonly #options: OrderOptions
  #command: WorkerCommand = 'work'
  #subscriptions: Subscription[] = []

  constructor(options: OrderOptions) {
    this.#options = options
  }

  /** Listens. What is missed comes with the next heartbeat. */
  async open(): Promise<void> {
    const { workerId, session, onInterrupt, onPush } = this.#options
    await this.#hear(
      interruptSubject(workerId),
      interruptSchema,
      (order) => onInterrupt(order.leaseToken),
    )
    await this.#hear(commandSubject(workerId), commandSchema, (order) => {
      if (order.session === session) onPush(order.command)
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((each) => each.close()))
  }

  /** Whether people want an end that is not undone: a restart, or to go for good. */
  get isEnding(): boolean {
    return this.#command === 'restart' || this.#command === 'leave'
  }

  /** What the worker goes for: another worker life, or none. */
  get isForGood(): boolean {
    return this.#command === 'leave'
  }

  /** Obeys a command, if it is news: it comes with every heartbeat. Who is to restart may still be told to leave. */
  follow(command: WorkerCommand): void {
    if (command === this.#command || (this.isEnding && command !== 'leave')) return
    this.#command = command
    this.#options.log.info('told what to do', { command })
    this.#options.onCommand(command)
  }

  async #hear<Schema extends z.ZodType>(
    subject: string,
    schema: Schema,
    handler: (order: z.infer<Schema>) => void,
  ): Promise<void> {
    const { bus, log } = this.#options
    const subscription = await bus.subscribe(subject, ({ data }) => {
      const parsed = schema.safeParse(data)
      if (parsed.success) handler(parsed.data)
      else log.warn('cannot read an order', { subject, error: parsed.error })
    })
    this.#subscriptions.push(subscription)
  }
}
