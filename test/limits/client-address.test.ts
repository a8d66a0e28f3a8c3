import { describe, expect, test } from 'vitest'
import { clientAddress, type Network, parseAddress, parseNetwork } from '../../src/limits/client-address.ts'

const networks = (...texts: string[]): Network[] => texts.map(parseNetwork).filter((each) => each !== null)
const PROXIES = networks('10.0.0.0/8', '192.0.2.7', '2001:db8:ffff::/48')
const alone = (peer: string) => clientAddress(peer, undefined, [])

describe('one address in several spellings would be several', () => {
  test.each([
    ['203.0.113.7', '::ffff:203.0.113.7'],
    ['203.0.113.7', '::FFFF:cb00:7107'],
    ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s and %s', (one, other) => {
    expect(alone(one)).not.toBe('unknown')
    expect(alone(one)).toBe(alone(other))
  })
})

test('a house would have as many buckets as addresses; or two houses, or an old and a new address, one', () => {
  expect(alone('2001:db8:1:2::1')).toBe(alone('2001:db8:1:2:ffff:ffff:ffff:ffff'))
  const all = ['2001:db8:1:2::1', '2001:db8:1:3::1', '203.0.113.7', '203.0.113.8', '::cb00:7107'].map(alone)
  expect(new Set(all).size).toBe(all.length)
})

test.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  ':::',
  '1::2::3',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7',
  'localhost',
  ' ::1',
])('%j would be an address', (text) => {
  expect(parseAddress(text)).toBeNull()
  expect(alone(text)).toBe('unknown')
})

describe('who is believed', () => {
  test.each([
    ['nobody is trusted: the header is nothing', '203.0.113.7', '198.51.100.1', [], '203.0.113.7'],
    ['whoever is no proxy says what he likes', '203.0.113.7', '198.51.100.1', PROXIES, '203.0.113.7'],
    ['a proxy tells', '10.1.2.3', '198.51.100.1', PROXIES, '198.51.100.1'],
    ['as sockets of both families show it', '::ffff:10.1.2.3', '198.51.100.1', PROXIES, '198.51.100.1'],
    ['a proxy by its address alone', '192.0.2.7', '198.51.100.1', PROXIES, '198.51.100.1'],
    ['its neighbour', '192.0.2.8', '198.51.100.1', PROXIES, '192.0.2.8'],
    [
      'the last that is no proxy, not what was written before it',
      '10.0.0.1',
      '10.9.9.9, 1.1.1.1, 198.51.100.1, 10.0.0.2',
      PROXIES,
      '198.51.100.1',
    ],
    ['a client of IPv6', '2001:db8:ffff::1', '2001:db8:1:2::9', PROXIES, '2001:db8:1:2::1'],
    ['with its port', '10.0.0.1', '198.51.100.1:50001', PROXIES, '198.51.100.1'],
    ['in brackets', '10.0.0.1', '[2001:db8:1:2::9]:50001', PROXIES, '2001:db8:1:2::1'],
    ['a proxy that says nothing', '10.0.0.1', undefined, PROXIES, '10.0.0.1'],
    ['a proxy that says nonsense', '10.0.0.1', '198.51.100.1, unknown', PROXIES, '10.0.0.1'],
    ['proxies alone', '10.0.0.1', '10.0.0.2, 10.0.0.3', PROXIES, '10.0.0.2'],
  ])('%s', (_, peer, forwardedFor, trusted, address) => {
    expect(clientAddress(peer, forwardedFor, trusted)).toBe(alone(address))
  })

  test('a connection that is gone has no address, and gives none to be made up', () => {
    expect(clientAddress(undefined, '198.51.100.1', PROXIES)).toBe('unknown')
  })
})
