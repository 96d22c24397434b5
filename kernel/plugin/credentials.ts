/** The credentials of one connection to a plugin: none on a plain socket, mutual TLS where the plugin asks for it. */
import { ChannelCredentials } from '@grpc/grpc-js'
import { X509Certificate } from 'node:crypto'
import { WebEncodeError } from '../errors.ts'
import type { OwnCertificate } from './certificate.ts'
import type { Handshake } from './handshake.ts'

/** The name in go-plugin's certificates: they are pinned, so it says nothing. */
const certificateName = 'localhost'

/** Credentials, and the channel options that go with them. */
export interface ConnectionSecurity {
  readonly credentials: ChannelCredentials
  readonly options: Readonly<Record<string, string>>
}

/**
 * Trusts the certificate of the handshake and no other: a process that answers with another one later is not talked to.
 * @throws WE-PLG-004 when that is no certificate
 */
export function securityFrom(
  plugin: string,
  handshake: Handshake,
  own: OwnCertificate,
): ConnectionSecurity {
  if (handshake.serverCertificate === undefined) {
    return { credentials: ChannelCredentials.createInsecure(), options: {} }
  }
  const pinned = pemFrom(plugin, handshake.serverCertificate)
  return {
    credentials: ChannelCredentials.createSsl(
      pinned,
      Buffer.from(own.privateKey),
      Buffer.from(own.certificate),
    ),
    options: {
      'grpc.ssl_target_name_override': certificateName,
      'grpc.default_authority': certificateName,
    },
  }
}

function pemFrom(plugin: string, der: Buffer): Buffer {
  try {
    return Buffer.from(new X509Certificate(der).toString())
  } catch (cause) {
    const sentence =
      `Cannot start plugin "${plugin}": the certificate of its handshake must be X.509, and cannot be read`
    throw new WebEncodeError('WE-PLG-004', sentence, { cause })
  }
}
