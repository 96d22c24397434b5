/** The credentials of one connection to a plugin: none on a plain socket, mutual TLS where the plugin asks for it. */
import { ChannelCredentials } from '@grpc/grpc-js'
import { X509Certificate } from 'node:crypto'
import type { OwnCertificate } from './certificate.ts'
import type { Handshake } from './handshake.ts'

/** The name in go-plugin's certificates: they are pinned, so it says nothing. */
const certificateName = 'localhost'

/** Credentials, and the channel options that go with them. */
export interface ConnectionSecurity {
  readonly credentials: ChannelCredentials
  readonly options: Readonly<Record<string, string>>
}

/** Trusts the certificate of the handshake and no other. */
export function securityFrom(handshake: Handshake, own: OwnCertificate): ConnectionSecurity {
  if (handshake.serverCertificate === undefined) {
    return { credentials: ChannelCredentials.createInsecure(), options: {} }
  }
  const pinned = Buffer.from(new X509Certificate(handshake.serverCertificate).toString())
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
