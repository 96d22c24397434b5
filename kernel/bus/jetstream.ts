/** JetStream by its JSON API: streams and consumers made or brought up to date, messages waiting, and the words of acknowledgement. */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Json } from '../contract/json.ts'
import { isMatch } from './filter.ts'

/** Sends one request of the API and resolves to the payload of the answer. */
export type AskJetStream = (subject: string, body: string) => Promise<Uint8Array>

/** What JetStream refused, with its own error code. */
class JetStreamError extends Error {
  override readonly name = 'JetStreamError'
  readonly code: number

  constructor(code: number, description: string) {
    super(description)
    this.code = code
  }
}

/** Error codes of JetStream that mean something to us; the full list is `errors.json` of nats-server. */
export const jetStreamCodes = {
  consumerNotFound: 10_014,
  messageTooLarge: 10_054,
  streamNotFound: 10_059,
  consumerOverlaps: 10_100,
} as const

/** A stream as JetStream's API spells it; durations in nanoseconds. Zero is never written: the API leaves it out. */
export interface StreamConfig {
  readonly name: string
  readonly [setting: string]: Json
}

export interface ConsumerConfig {
  readonly stream: string
  readonly name: string
  readonly filter: string
  readonly ackWaitMs: number
}

const nanosecondsPerMs = 1_000_000
/** Messages of a consumer that all its workers together may hold; a busy worker keeps a doorbell until it has room. */
const maxAckPending = 10_000
/** Slots of all workers that may wait at one consumer; the server's default is 512. */
const maxWaiting = 8_192

const errorSchema = z.object({
  error: z.object({ err_code: z.number().optional(), code: z.number(), description: z.string() }),
})
const streamInfoSchema = z.object({
  config: z.looseObject({ name: z.string() }),
  state: z.object({ subjects: z.record(z.string(), z.number()).optional() }),
})
const consumerInfoSchema = z.object({
  config: z.looseObject({ filter_subject: z.string().optional() }),
  num_pending: z.number(),
})
const consumerListSchema = z.object({
  total: z.number(),
  consumers: z.array(consumerInfoSchema).nullish(),
})
const storedSchema = z.object({ stream: z.string(), seq: z.number() })

/**
 * Makes the stream, or brings the settings named in `config` up to date. Several processes may do so at once; one of
 * them may fail then, and must try again.
 */
export async function ensureStream(ask: AskJetStream, config: StreamConfig): Promise<void> {
  const { name } = config
  const found = await orUndefined(
    jetStreamCodes.streamNotFound,
    call(ask, `STREAM.INFO.${name}`, {}, streamInfoSchema),
  )
  if (found === undefined) {
    await call(ask, `STREAM.CREATE.${name}`, config, z.unknown())
  } else if (!isUpToDate(found.config, config)) {
    await call(ask, `STREAM.UPDATE.${name}`, { ...found.config, ...config } as Json, z.unknown())
  }
}

/**
 * Makes the durable pull consumer, or brings its ack wait up to date.
 * @throws TypeError when the name has another filter, or another consumer has some of these messages
 */
export async function ensureConsumer(
  ask: AskJetStream,
  { stream, name, filter, ackWaitMs }: ConsumerConfig,
): Promise<void> {
  const config = {
    durable_name: name,
    filter_subject: filter,
    deliver_policy: 'all',
    replay_policy: 'instant',
    ack_policy: 'explicit',
    ack_wait: ackWaitMs * nanosecondsPerMs,
    max_deliver: -1,
    max_ack_pending: maxAckPending,
    max_waiting: maxWaiting,
  } as const
  const found = await orUndefined(
    jetStreamCodes.consumerNotFound,
    call(ask, `CONSUMER.INFO.${stream}.${name}`, {}, consumerInfoSchema),
  )
  if (found !== undefined && found.config.filter_subject !== filter) {
    throw new TypeError(
      `Consumer "${name}" of "${filter}" exists with the filter "${found.config.filter_subject}"`,
    )
  }
  if (found !== undefined && isUpToDate(found.config, config)) return
  try {
    const subject = `CONSUMER.CREATE.${stream}.${name}.${filter}`
    await call(ask, subject, { stream_name: stream, config }, z.unknown())
  } catch (failure) {
    if (!isJetStreamError(failure, jetStreamCodes.consumerOverlaps)) throw failure
    throw new TypeError(
      `Consumer "${name}" of "${filter}" competes with a consumer of another name`,
      { cause: failure },
    )
  }
}

/**
 * Messages of a work-queue stream below `filter` that no consumer has in hand: what its consumers below `filter` have not
 * delivered yet, and all that is stored for subjects without one.
 */
export async function countWaiting(
  ask: AskJetStream,
  stream: string,
  filter: string,
): Promise<number> {
  const body = { subjects_filter: filter }
  const { state } = await call(ask, `STREAM.INFO.${stream}`, body, streamInfoSchema)
  const consumers = (await listConsumers(ask, stream))
    .map(({ config, num_pending: pending }) => ({ taken: config.filter_subject ?? '>', pending }))
    .filter(({ taken }) => isMatch(filter, taken))
  const unserved = Object.entries(state.subjects ?? {})
    .filter(([subject]) => !consumers.some(({ taken }) => isMatch(taken, subject)))
  return sum(consumers.map(({ pending }) => pending)) + sum(unserved.map(([, count]) => count))
}

/** All pages. */
async function listConsumers(ask: AskJetStream, stream: string) {
  const all: z.infer<typeof consumerInfoSchema>[] = []
  for (;;) {
    const body = { offset: all.length }
    const page = await call(ask, `CONSUMER.LIST.${stream}`, body, consumerListSchema)
    const consumers = page.consumers ?? []
    all.push(...consumers)
    if (consumers.length === 0 || all.length >= page.total) return all
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Reads a stream's answer to a published message. @throws JetStreamError when it was not stored */
export function checkStored(answer: Uint8Array): void {
  parse(answer, storedSchema)
}

/** Subject of the requests for one more message. */
export function pullSubject(stream: string, name: string): string {
  return `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`
}

/** A request for one message, that ends after `expiresMs` and gives a sign of life every `heartbeatMs`. */
export function pullRequest(expiresMs: number, heartbeatMs: number): string {
  return JSON.stringify({
    batch: 1,
    expires: expiresMs * nanosecondsPerMs,
    idle_heartbeat: heartbeatMs * nanosecondsPerMs,
  })
}

/** What a consumer answers to a delivery. */
export const acknowledgement = {
  done: '+ACK',
  /** Never again: nobody can handle it. */
  stop: '+TERM',
  again: (delayMs: number): string =>
    delayMs === 0 ? '-NAK' : `-NAK ${JSON.stringify({ delay: delayMs * nanosecondsPerMs })}`,
} as const

/**
 * How often a message was delivered, from its reply subject, which is
 * `$JS.ACK.stream.consumer.deliveries...` or, with a domain and an account, `$JS.ACK.domain.account.stream...`.
 */
export function deliveriesOf(reply: string): number {
  const tokens = reply.split('.')
  const count = Number(tokens[tokens.length === 9 ? 4 : 6])
  return Number.isSafeInteger(count) && count > 0 ? count : 1
}

export function isJetStreamError(failure: unknown, code: number): boolean {
  return failure instanceof JetStreamError && failure.code === code
}

async function call<T>(
  ask: AskJetStream,
  method: string,
  body: Json,
  schema: z.ZodType<T>,
): Promise<T> {
  return parse(await ask(`$JS.API.${method}`, JSON.stringify(body)), schema)
}

function parse<T>(answer: Uint8Array, schema: z.ZodType<T>): T {
  const data: unknown = JSON.parse(new TextDecoder().decode(answer))
  const refused = errorSchema.safeParse(data)
  if (!refused.success) return schema.parse(data)
  const { err_code, code, description } = refused.data.error
  throw new JetStreamError(err_code ?? code, description)
}

async function orUndefined<T>(code: number, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (failure) {
    if (isJetStreamError(failure, code)) return undefined
    throw failure
  }
}

function isUpToDate(found: object, wanted: object): boolean {
  const has = new Map(Object.entries(found))
  return Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(has.get(name), value))
}
