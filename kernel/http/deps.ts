/** What the HTTP rooms are given: ports, settings, and the variables that a request carries. */
import type { Context, Hono } from 'hono'
import type { AuditWriter } from '../audit/writer.ts'
import type { Clock } from '../clock.ts'
import type { Authenticator, RedirectSignIn } from '../contract/auth.ts'
import type { Profile } from '../contract/profile.ts'
import type { StorageProvider } from '../contract/storage.ts'
import type { UserKeeper } from '../contract/user.ts'
import type { Database } from '../db/database.ts'
import type { Caller, Gateway } from '../gateway.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { SecretStore } from '../plugin/secrets/store.ts'
import type { PluginDirectory } from '../plugin-desk.ts'
import type { RuntimeEnv, UpgradeWebSocket } from '../runtime/runtime.ts'
import type { Storages } from '../storages.ts'
import type { AuditNotes } from './audit.ts'
import type { Rule } from './permissions.ts'
import type { Problem } from './problem.ts'
import type { LiveHub } from './ws.ts'

/** Settings of the HTTP server. */
export interface HttpConfig {
  /** Address that people use, e.g. `https://video.example.com`; null: whatever the request came to. */
  readonly publicUrl: string | null
  /** Believe `X-Forwarded-For` and `X-Forwarded-Proto`: only behind a proxy that sets them. */
  readonly trustProxy: boolean
  /** Addresses and CIDR blocks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  readonly trustedProxies: readonly string[]
  /** Believe `Remote-User` and `Remote-Groups` of those proxies, which then must remove them from what people send. */
  readonly proxySignIn: boolean
  /** Largest body of a request that is not an upload. */
  readonly maxBodyBytes: number
  /** Largest uploaded file. */
  readonly maxUploadBytes: number
  readonly sessionHours: number
  /** Sign-in attempts of one client per minute. */
  readonly signInsPerMinute: number
  /** Lasting rate of POST requests of one client; ten seconds' worth may come at once. */
  readonly postsPerSecond: number
  /** Requests that are answered at the same time. One client gets a quarter, of this and of transfers. */
  readonly maxRequests: number
  /** Uploads that run at the same time, and as many downloads. */
  readonly maxTransfers: number
}

export const defaultHttpConfig: HttpConfig = {
  publicUrl: null,
  trustProxy: false,
  trustedProxies: [],
  proxySignIn: false,
  maxBodyBytes: 1 << 20,
  maxUploadBytes: 50 * 2 ** 30,
  sessionHours: 7 * 24,
  signInsPerMinute: 10,
  postsPerSecond: 100,
  maxRequests: 1000,
  maxTransfers: 1000,
}

/** One part of the process that must work before requests make sense. */
export interface ReadinessCheck {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
}

export interface HttpDeps {
  readonly db: Database
  readonly gateway: Gateway
  readonly auth: Authenticator
  /** The users that this server keeps itself: the only ones that admins may add, change and delete. */
  readonly keptUsers: UserKeeper
  /** Sign-in at an identity provider; absent: there is none. */
  readonly redirectSignIn?: RedirectSignIn
  /** The main one of the storages. */
  readonly storage: StorageProvider
  readonly storages: Storages
  /** Answers `/v1/objects/…` requests whose URLs the storage signed; absent when its URLs lead elsewhere. */
  readonly serveObject?: (request: Request) => Promise<Response>
  readonly profiles: readonly Profile[]
  readonly audit: Pick<AuditWriter, 'record'>
  readonly secrets: Omit<SecretStore, 'resolve'>
  readonly plugins: PluginDirectory
  /** Whether claims follow what admins want of encoder plugins, as in `createActorStore`. @default true */
  readonly hasEncoderRules?: boolean
  readonly metrics: Metrics
  readonly live: LiveHub
  /** Of the runtime, see `kernel/runtime/serve.ts`. */
  readonly upgradeWebSocket: UpgradeWebSocket
  /** Looks at the database, the engine, the bus and the workers. */
  readonly readiness: () => Promise<readonly ReadinessCheck[]>
  readonly config: HttpConfig
  readonly clock: Clock
  readonly log: Log
}

/** How a request showed who it is. */
export interface Identity {
  readonly caller: Caller
  /** `proxy`: a proxy in front of us signed them in, and says so with every request. */
  readonly via: 'session' | 'token' | 'proxy'
  /** For forms and `X-CSRF-Token`; empty for a token, which needs none, and for a proxy's. */
  readonly csrfToken: string
}

/** Environment of every Hono app below `createApp`. */
export interface AppEnv {
  Bindings: RuntimeEnv
  Variables: {
    requestId: string
    /** A WebSocket handshake: its answer belongs to the runtime, and takes no more headers. */
    isUpgrade: boolean
    /** Address of the client, behind trusted proxies too; empty when unknown. */
    clientIp: string
    rule: Rule | undefined
    identity: Identity | undefined
    /** What handlers add to the audit. */
    auditNotes: AuditNotes | undefined
    /** The body is a stream, and its `_csrf` field is still to be checked. */
    isCsrfOpen: boolean
  }
}

/** The pages: mounted beside the API, under the same guard. */
export interface UiMount {
  readonly app: Hono<AppEnv>
  readonly rules: readonly Rule[]
  /** A page for a failure; API requests get JSON instead. Its status is set by the caller. */
  renderProblem(c: Context<AppEnv>, problem: Problem): Promise<string> | string
}
