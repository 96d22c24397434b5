/** IP addresses as bytes: parsing, CIDR blocks, and which addresses lie on the public internet. */
import { isIP } from 'node:net'

/** A block of addresses: the first `bits` bits of `bytes`. */
export interface AddressBlock {
  /** 4 bytes for IPv4, 16 for IPv6. */
  readonly bytes: readonly number[]
  readonly bits: number
}

/** The bytes of an IPv4 (4) or IPv6 (16) address in its text form; undefined for anything else, zone ids included. */
export function parseAddress(text: string): number[] | undefined {
  if (text.includes('%')) return undefined
  const family = isIP(text)
  if (family === 4) return text.split('.').map(Number)
  return family === 6 ? parseIpv6(text) : undefined
}

/** Parses `10.0.0.0/8` or `fd00::/8`; undefined when it is not a block. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [address = '', length = ''] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes === undefined || !/^\d{1,3}$/.test(length)) return undefined
  const bits = Number(length)
  return bits <= bytes.length * 8 ? { bytes, bits } : undefined
}

/** True when the address lies in the block. Families never mix, but `::ffff:a.b.c.d` counts as IPv4. */
export function isInBlock(address: readonly number[], block: AddressBlock): boolean {
  const bytes = mappedIpv4(address) ?? address
  if (bytes.length !== block.bytes.length) return false
  for (let bit = 0; bit < block.bits; bit += 8) {
    const mask = (0xff << Math.max(0, 8 - (block.bits - bit))) & 0xff
    const i = bit / 8
    if (((bytes[i] ?? 0) & mask) !== ((block.bytes[i] ?? 0) & mask)) return false
  }
  return true
}

/**
 * Whom a limit takes for one client: an IPv4 address, and of IPv6 the 64 bits of a network, since whoever has one address of
 * it has all of them. What is no address stays as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const bytes = parseAddress(address)
  if (bytes === undefined) return address
  const inner = mappedIpv4(bytes)
  return inner === undefined
    ? `${Buffer.from(bytes.slice(0, 8)).toString('hex')}/64`
    : inner.join('.')
}

/**
 * True for addresses of the public internet. IPv6 that carries an IPv4 address (mapped, NAT64) is judged by that one;
 * tunnels (6to4, Teredo) are refused. Source: the IANA special-purpose address registries.
 */
export function isPublicAddress(address: readonly number[]): boolean {
  const inner = mappedIpv4(address) ?? (isInBlock(address, nat64) ? address.slice(12) : undefined)
  if (inner !== undefined) return isPublicAddress(inner)
  if (address.length === 4) return !reservedIpv4.some((block) => isInBlock(address, block))
  return isInBlock(address, globalUnicast) &&
    !reservedIpv6.some((block) => isInBlock(address, block))
}

const nat64 = blockFrom('64:ff9b::/96')
const globalUnicast = blockFrom('2000::/3')

const reservedIpv4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
].map(blockFrom)

/** Inside 2000::/3; everything outside it is refused anyway. */
const reservedIpv6 = [
  '2001::/23', // Teredo, ORCHID, benchmarks
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
].map(blockFrom)

function blockFrom(text: string): AddressBlock {
  const block = parseBlock(text)
  if (block === undefined) throw new TypeError(`Not an address block: ${text}`)
  return block
}

/** The IPv4 address inside `::ffff:a.b.c.d`. */
function mappedIpv4(address: readonly number[]): number[] | undefined {
  const isMapped = address.length === 16 && address[10] === 0xff && address[11] === 0xff &&
    address.slice(0, 10).every((byte) => byte === 0)
  return isMapped ? address.slice(12) : undefined
}

/** `text` is known to be valid IPv6 without a zone. */
function parseIpv6(text: string): number[] {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const hex = tail === null ? text : `${tail[1]}${pair(tail[2], tail[3])}:${pair(tail[4], tail[5])}`
  const [head = '', rest] = hex.split('::')
  const left = groupsFrom(head)
  const right = rest === undefined ? [] : groupsFrom(rest)
  const gap = Array<number>(8 - left.length - right.length).fill(0)
  return [...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 0xff])
}

function groupsFrom(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
}

function pair(high = '0', low = '0'): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}
