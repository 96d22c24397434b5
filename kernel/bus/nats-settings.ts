/** The options of the NATS bus, and the settings that they and their defaults make. */
import { type Clock, systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import {
  type Credentials,
  inboxPrefixOf,
  type NatsAddress,
  parseNatsAddress,
} from './nats-address.ts'
import type { PullTimes } from './nats-consumer.ts'
import type { StreamOptions } from './streams.ts'

export interface OpenNatsBusOptions {
  /** `ws://` or `wss://`, several servers of a cluster between commas; `user:password@` or `token@` before the first host. */
  readonly url: string
  /** Name of this process in the server's list of connections. */
  readonly name: string
  readonly log: Log
  /** @default the clock of the machine */
  readonly clock?: Clock
  /** Who we are; comes before credentials in the URL. */
  readonly credentials?: Credentials
  /** Makes the streams, and the consumers of those who may not. False for workers. @default true */
  readonly manage?: boolean
  /** Servers that keep each message of the durable streams. @default 1 */
  readonly replicas?: number
  /** Messages that the work queue holds at most. @default 100_000 */
  readonly capacity?: number
  /** First token of the subjects that answers come on. @default `_INBOX_` and the user, so that permissions can name it; else `_INBOX` */
  readonly inboxPrefix?: string
  /** Milliseconds in which the first connection, and then the streams, must succeed; later ones are tried for ever. @default 10_000 */
  readonly openTimeoutMs?: number
  /** Milliseconds between two signs of life; the connection is given up after the third without an answer. @default 5_000 */
  readonly pingIntervalMs?: number
  /** How long a request for work lives, and how often it shows that it does. @default 30 s and 5 s */
  readonly pull?: PullTimes
}

/** Every option, with its value. */
export interface NatsSettings extends NatsAddress, StreamOptions {
  readonly name: string
  readonly log: Log
  readonly clock: Clock
  readonly manage: boolean
  readonly inboxPrefix: string
  readonly openTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pull: PullTimes
}

/** @throws TypeError when the URL is no address */
export function natsSettingsFrom(options: OpenNatsBusOptions): NatsSettings {
  const { servers, credentials } = parseNatsAddress(options.url, options.credentials)
  return {
    servers,
    credentials,
    name: options.name,
    log: options.log.child({ component: 'bus' }),
    clock: options.clock ?? systemClock,
    manage: options.manage ?? true,
    replicas: options.replicas ?? 1,
    capacity: options.capacity ?? 100_000,
    inboxPrefix: options.inboxPrefix ?? inboxPrefixOf(credentials),
    openTimeoutMs: options.openTimeoutMs ?? 10_000,
    pingIntervalMs: options.pingIntervalMs ?? 5_000,
    pull: options.pull ?? { expiresMs: 30_000, heartbeatMs: 5_000 },
  }
}
