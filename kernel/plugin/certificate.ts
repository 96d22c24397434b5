/** A self-signed certificate for one start of a plugin: the kernel's end of go-plugin's AutoMTLS. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** PEM, both. */
export interface OwnCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** A plugin that runs longer than this needs a restart, as go-plugin's own certificates do. */
const lifeMs = 10 * 365 * 24 * 3600 * 1000
const skewMs = 60_000

/** Object identifiers, already in DER. */
const oid = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  alternativeName: '551d11',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
} as const

/** A new key (P-256) and its certificate for "localhost". @param nowMs - milliseconds since the epoch */
export function createCertificate(nowMs: number): OwnCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = certificateBody(publicKey, nowMs)
  const signature = sign('sha256', body, privateKey)
  const der = sequence(body, sequence(objectId(oid.ecdsaWithSha256)), bits(signature))
  return {
    certificate: pem('CERTIFICATE', der),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** TBSCertificate of RFC 5280, section 4.1. */
function certificateBody(publicKey: KeyObject, nowMs: number): Buffer {
  const name = sequence(
    set(sequence(objectId(oid.commonName), element(0x0c, Buffer.from('localhost')))),
  )
  // A leading byte below 0x80 keeps the serial number positive, one above 0 keeps it minimal.
  const serial = Buffer.concat([Buffer.from([0x4d]), randomBytes(15)])
  return sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    sequence(objectId(oid.ecdsaWithSha256)),
    name,
    sequence(time(nowMs - skewMs), time(nowMs + lifeMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensions())),
  )
}

function extensions(): Buffer[] {
  const isTrue = element(0x01, Buffer.from([0xff]))
  return [
    extension(oid.basicConstraints, sequence(isTrue), isTrue),
    // Digital signature and certificate signing: the plugin trusts it as its own authority.
    extension(oid.keyUsage, element(0x03, Buffer.from([2, 0b1000_0100])), isTrue),
    extension(oid.extendedKeyUsage, sequence(objectId(oid.serverAuth), objectId(oid.clientAuth))),
    extension(oid.alternativeName, sequence(element(0x82, Buffer.from('localhost')))),
  ]
}

function extension(id: string, value: Buffer, critical: Buffer = Buffer.alloc(0)): Buffer {
  return sequence(objectId(id), critical, element(0x04, value))
}

/** One DER element: tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts))
}

function set(...parts: Buffer[]): Buffer {
  return element(0x31, Buffer.concat(parts))
}

function objectId(hex: string): Buffer {
  return element(0x06, Buffer.from(hex, 'hex'))
}

function bits(content: Buffer): Buffer {
  return element(0x03, Buffer.concat([Buffer.from([0]), content]))
}

/** UTCTime: good until 2049. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2)
  return element(0x17, Buffer.from(text))
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
