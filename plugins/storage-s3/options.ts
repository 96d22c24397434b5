/** What an S3 storage is opened with, and the clients that are made of it. */
import { S3Client } from '@aws-sdk/client-s3'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

/** Settings of one S3 storage, as in `plugin.toml`. */
export interface S3StorageOptions {
  /**
   * Host, host and port, or URL of the server, e.g. `seaweedfs:8333`, `https://s3.example.com`.
   * @default the one of AWS in `region`
   */
  readonly endpoint?: string
  /**
   * The same server as workers and browsers reach it: the host of signed URLs, because it is signed too.
   * @default endpoint
   */
  readonly publicEndpoint?: string
  /** @default 'us-east-1', which servers without regions take too */
  readonly region?: string
  /** The bucket that holds everything; it must exist. */
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Whether an endpoint without a scheme is HTTPS. @default true */
  readonly useSsl?: boolean
  /** Whether the bucket is in the path of a URL and not in its host name. @default true with an endpoint of one's own */
  readonly forcePathStyle?: boolean
  /** Longest life of a signed URL: longer ones that are asked for are shortened. @default seven days, the most that S3 signs */
  readonly signedUrlExpirySeconds?: number
  /** Milliseconds since the epoch. @default the system's */
  readonly now?: () => number
  /** Milliseconds that one request may take, its tries included; the part of an upload gets five times as much. @default 60_000 */
  readonly callTimeoutMs?: number
  /** Milliseconds that a download waits for more bytes. @default 30_000 */
  readonly idleTimeoutMs?: number
  /** Requests to the server at the same time; more wait. @default 128 */
  readonly maxConnections?: number
}

/** The most that signature version 4 allows. */
export const longestExpirySeconds = 7 * 24 * 3600
export const defaultCallTimeoutMs = 60_000
export const defaultIdleTimeoutMs = 30_000

const connectTimeoutMs = 5_000
/** Tries of one request, with the SDK's pauses between them. */
const maxAttempts = 3

/** The URL of an endpoint. @throws RangeError when it cannot be one */
function endpointUrlFrom(endpoint: string, useSsl: boolean): string {
  const text = /^https?:\/\//i.test(endpoint)
    ? endpoint
    : `${useSsl ? 'https' : 'http'}://${endpoint}`
  const url = URL.parse(text)
  if (url !== null && url.username === '' && url.search === '' && url.pathname === '/') {
    return url.origin
  }
  throw new RangeError('The S3 endpoint must be a host, a host and port, or an http(s) URL of them')
}

/** A client for requests to the server, and one that signs URLs for others. */
export interface S3Clients {
  readonly server: S3Client
  readonly signer: S3Client
  close(): void
}

/** Makes the clients; nothing is connected yet. @throws RangeError for an endpoint that is none */
export function clientsFrom(options: S3StorageOptions): S3Clients {
  const server = clientFrom(options, options.endpoint)
  if (options.publicEndpoint === undefined) {
    return { server, signer: server, close: () => server.destroy() }
  }
  const signer = clientFrom(options, options.publicEndpoint)
  return {
    server,
    signer,
    close() {
      server.destroy()
      signer.destroy()
    },
  }
}

function clientFrom(options: S3StorageOptions, endpoint: string | undefined): S3Client {
  const { accessKeyId, secretAccessKey, useSsl = true, forcePathStyle } = options
  const { maxConnections: maxSockets = 128 } = options
  const agent = { keepAlive: true, maxSockets }
  return new S3Client({
    region: options.region ?? 'us-east-1',
    ...(endpoint !== undefined && { endpoint: endpointUrlFrom(endpoint, useSsl) }),
    forcePathStyle: forcePathStyle ?? options.endpoint !== undefined,
    credentials: { accessKeyId, secretAccessKey },
    // Newer checksums, on by default, are what SeaweedFS, R2 and older MinIO refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts,
    // Its own looks at the operating system, which a sandboxed plugin may not.
    defaultUserAgentProvider: () => Promise.resolve([['webencode', 's3']]),
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      // Every request has a deadline of its own; a reader that pauses is not idle.
      socketTimeout: 0,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    },
  })
}
