import ip from 'ipaddr.js'

/** Proxies in a row that are looked through; more is nonsense. */
const HOPS_MAX = 16
/** Of an IPv6 address: a house gets at least that much. */
const HOUSE_BITS = 64

type Address = ip.IPv4 | ip.IPv6
/** Addresses with a common beginning: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. */
export type Network = [Address, number]

/** Null for what is no address. ::ffff:10.0.0.1, as sockets say that speak both, is 10.0.0.1. */
export function parseAddress(text: string): Address | null {
  return ip.IPv4.isValidFourPartDecimal(text) || ip.IPv6.isValid(text) ? ip.process(text) : null
}

/** Null for what is no network. */
export function parseNetwork(text: string): Network | null {
  const address = parseAddress(text)
  if (address !== null) return [address, address.kind() === 'ipv4' ? 32 : 128]
  return ip.isValidCIDR(text) ? ip.parseCIDR(text) : null
}

/**
 * Whose failures are counted together: one IPv4 address, or the /64 of an IPv6 one.
 * A connection's own address counts, unless it is a trusted proxy's: then what that proxy says in `X-Forwarded-For`, from
 * the right, up to the first that is not trusted itself. What stands left of it anybody may have written.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Network[],
): string {
  let address = parseAddress(peer ?? '')
  if (address === null) return 'unknown'
  const said = forwardedFor?.split(',') ?? []
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    if (!isTrusted(address, trusted)) break
    const before = parseAddress(withoutPort(said.pop()?.trim() ?? ''))
    if (before === null) break // a proxy that says nothing, or nonsense, answers for it itself
    address = before
  }
  return address.kind() === 'ipv4' ? address.toString() : houseOf(address)
}

function isTrusted(address: Address, trusted: readonly Network[]): boolean {
  return trusted.some(([start, bits]) => start.kind() === address.kind() && address.match(start, bits))
}

function houseOf(address: Address): string {
  return address
    .toByteArray()
    .slice(0, HOUSE_BITS / 8)
    .join('.')
}

/** Some proxies write `203.0.113.7:50001` and `[2001:db8::1]:50001`. */
function withoutPort(text: string): string {
  return text.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
}
