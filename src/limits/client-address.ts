/** Proxies in a row that are looked through; more is nonsense. */
const HOPS_MAX = 16

/** Addresses with a common beginning: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. */
export interface Network {
  readonly start: bigint
  /** Bits that may differ. */
  readonly free: bigint
}

/** An IPv4 address is told as sockets do that speak both: ::ffff:10.0.0.1. */
const MAPPED = 0xffffn

/** 128 bits, or null for what is no address. */
export function parseAddress(text: string): bigint | null {
  const v4 = parseIpv4(text)
  if (v4 !== null) return (MAPPED << 32n) | v4
  const [, head, dotted] = /^(.*:)(\d+\.[\d.]+)$/.exec(text) ?? []
  if (head === undefined || dotted === undefined) return parseIpv6(text)
  const tail = parseIpv4(dotted)
  return tail === null ? null : parseIpv6(`${head}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`)
}

function parseIpv4(text: string): bigint | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null
  const bytes = text.split('.').map(Number)
  return bytes.every((byte) => byte < 256) ? bytes.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n) : null
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], tail = []] = halves
  const missing = 8 - head.length - tail.length
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return null
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

/** Null for what is no network. */
export function parseNetwork(text: string): Network | null {
  const [address = '', length] = text.split('/')
  const start = parseAddress(address)
  if (start === null) return null
  const bits = address.includes(':') ? 128 : 32
  const free = BigInt(length === undefined ? 0 : bits - Number(length))
  return { start: (start >> free) << free, free }
}

function isIn(address: bigint, { start, free }: Network): boolean {
  return (address >> free) << free === start
}

/**
 * Whose failures are counted together: one IPv4 address, or the /64 of an IPv6 one (a house gets at least that much).
 * A connection's own address counts, unless it is a trusted proxy's: then what that proxy says in `X-Forwarded-For`, from
 * the right, up to the first that is not trusted itself. What stands left of it anybody may have written.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Network[],
): string {
  let address = peer === undefined ? null : parseAddress(peer.replace(/%.*$/, ''))
  if (address === null) return 'unknown'
  const said = forwardedFor?.split(',') ?? []
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    const here = address
    if (!trusted.some((network) => isIn(here, network))) break
    const before = parseAddress(withoutPort(said.pop()?.trim() ?? ''))
    if (before === null) break // a proxy that says nothing, or nonsense, answers for it itself
    address = before
  }
  return address >> 32n === MAPPED ? `4:${address & 0xffff_ffffn}` : `6:${(address >> 64n).toString(16)}`
}

/** Some proxies write `203.0.113.7:50001` and `[2001:db8::1]:50001`. */
function withoutPort(text: string): string {
  return text.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
}
