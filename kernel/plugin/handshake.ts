/** The handshake of hashicorp/go-plugin: what a plugin is told in its environment, and the line it answers with. */
import { WebEncodeError } from '../errors.ts'
import { protocolVersion } from './protocol.ts'

/** Version of go-plugin's own protocol. */
const coreProtocolVersion = '1'

/** A program that does not find this in its environment was not started by a kernel, and should say so and end. */
export const magicCookie = {
  key: 'WEBENCODE_PLUGIN',
  value: '6f3a1d5c0b7e4e0f9a52c8d4417be9a3',
} as const

/** Names of the variables by which a plugin is told more. */
export const variableNames = {
  config: 'WEBENCODE_PLUGIN_CONFIG',
  id: 'WEBENCODE_PLUGIN_ID',
  version: 'WEBENCODE_PLUGIN_VERSION',
  pillar: 'WEBENCODE_PLUGIN_PILLAR',
  secretsSocket: 'WEBENCODE_SECRETS_SOCKET',
  socketDirectory: 'PLUGIN_UNIX_SOCKET_DIR',
  protocolVersions: 'PLUGIN_PROTOCOL_VERSIONS',
  minPort: 'PLUGIN_MIN_PORT',
  maxPort: 'PLUGIN_MAX_PORT',
  clientCertificate: 'PLUGIN_CLIENT_CERT',
} as const

/** Where a plugin listens, and whether it wants TLS. */
export interface Handshake {
  /** As grpc-js writes addresses. */
  readonly target: string
  /** DER of the certificate that the plugin made for this start; then the connection is mutual TLS. */
  readonly serverCertificate?: Buffer
}

/** What every plugin is told. @param clientCertificate - PEM; a plugin that knows AutoMTLS then answers with its own */
export function handshakeVariables(
  socketDirectory: string,
  clientCertificate: string | undefined,
): Record<string, string> {
  return {
    [magicCookie.key]: magicCookie.value,
    [variableNames.protocolVersions]: protocolVersion,
    [variableNames.socketDirectory]: socketDirectory,
    // Only for systems without Unix sockets; go-plugin wants both.
    [variableNames.minPort]: '10000',
    [variableNames.maxPort]: '25000',
    ...(clientCertificate !== undefined && {
      [variableNames.clientCertificate]: clientCertificate,
    }),
  }
}

/**
 * Reads `CORE|APP|network|address|protocol[|certificate[|multiplex]]`.
 * @throws WE-PLG-004 with what is wrong
 */
export function parseHandshake(plugin: string, line: string): Handshake {
  const parts = line.trim().split('|')
  const [core, app, network = '', address = '', protocol, certificate = ''] = parts
  const refuse = (must: string, found: string) => handshakeFailure(plugin, must, found)
  if (parts.length < 4) throw refuse('must be "CORE|APP|network|address|grpc"', line)
  if (core !== coreProtocolVersion) throw refuse(`must begin with ${coreProtocolVersion}`, line)
  if (app !== protocolVersion) {
    throw refuse(`must have protocol version ${protocolVersion}`, app ?? '')
  }
  if (protocol !== 'grpc') throw refuse('must have the protocol "grpc"', protocol ?? 'net/rpc')
  const target = targetFrom(network, address)
  if (target === undefined) {
    throw refuse('must have a Unix socket or a port of this machine', `${network}|${address}`)
  }
  // Old plugins may send something short and meaningless here; go-plugin draws the line at 50 too.
  if (certificate.length <= 50) return { target }
  return { target, serverCertificate: Buffer.from(certificate, 'base64') }
}

/** A plugin elsewhere on the network would be given files and secrets: only this machine will do. */
function targetFrom(network: string, address: string): string | undefined {
  if (network === 'unix') return /^\/[^\0]{1,106}$/.test(address) ? `unix:${address}` : undefined
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(address) ?? []
  if (network !== 'tcp' || port === '') return undefined
  if (/^127(\.\d{1,3}){3}$/.test(host)) return `ipv4:${host}:${port}`
  return host === '[::1]' ? `ipv6:[::1]:${port}` : undefined
}

function handshakeFailure(plugin: string, must: string, found: string): WebEncodeError {
  const shown = JSON.stringify(found.slice(0, 200))
  return new WebEncodeError(
    'WE-PLG-004',
    `Cannot start plugin "${plugin}": its handshake ${must}, found ${shown}`,
  )
}
