import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { FAULTS, type Fault, type MockRegistry, startRegistry } from '../../mocks/population-registry/server.ts'
import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import type { RegistryConfig } from '../../src/config.ts'
import { type OpenRegistry, openRegistry } from '../../src/host/registry.ts'
import type { RegistryOutcome } from '../../src/population/client.ts'
import { fixture, pem } from '../support/tls/files.ts'
import { AGREEMENT, NUMBER, question, REGISTERED } from './questions.ts'

/** The registry's ways to fail, over real sockets. Times are orders only: far shorter or far longer than a deadline. */
const DEADLINE_MS = 150

const find = (number: string) => (number === NUMBER ? REGISTERED : null)
const mock = (more: Partial<Parameters<typeof startRegistry>[0]> = {}) =>
  startRegistry({ credentials: DEMO_AGREEMENT, find, now: () => new Date(), random: () => 0.5, medianMs: 0, ...more })

function config(url: string, more: Partial<RegistryConfig> = {}): RegistryConfig {
  return { url, agreementFile: 'unused', timeoutMs: 3_000, caFile: null, certFile: null, keyFile: null, ...more }
}

const opened: string[] = []
const hooks = {
  now: () => new Date(),
  asked: () => {},
  opened: (error: unknown) => opened.push(error instanceof Error ? error.name : 'none'),
}

let registry: MockRegistry
let open: OpenRegistry

beforeAll(async () => {
  registry = await mock()
  open = await openRegistry(config(registry.url), AGREEMENT, {
    ...hooks,
    // each fault is met by itself: none of them may open it
    breaker: { failuresMax: 1_000, openMs: 1, tellingMs: 0 },
  })
})

afterAll(async () => {
  await open?.close()
  await registry?.close()
})

/** `first`: told before the deadline; `deadline`: at it. */
const EXPECTED: Readonly<Record<Fault, readonly [RegistryOutcome, 'first' | 'deadline']>> = {
  none: ['confirmed', 'first'],
  slow: ['unavailable', 'deadline'],
  silent: ['unavailable', 'deadline'],
  reset: ['unavailable', 'first'],
  halfClosed: ['unavailable', 'first'],
  drip: ['unavailable', 'deadline'],
  soapFault: ['unavailable', 'first'],
  emptyRecord: ['notConfirmed', 'first'],
  garbage: ['unavailable', 'first'],
  wrongRequestId: ['unavailable', 'first'],
  oversize: ['unavailable', 'first'],
  rateLimited: ['unavailable', 'first'],
  outage: ['unavailable', 'first'],
}

describe.each(FAULTS)('%s', (fault) => {
  const [outcome, when] = EXPECTED[fault]

  test('the right word, in time, and nothing left behind', async () => {
    await open.registry.ask(question(), 3_000) // a connection is there
    registry.fault(fault)
    const sockets = () => process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    const before = { sockets: sockets(), timers: timers() }
    // who is told before a deadline that never comes within this test, was told first
    const ms = when === 'first' ? 60_000 : DEADLINE_MS
    const slower = sleep(when === 'first' ? 30_000 : DEADLINE_MS + 1_500, 'late' as const, { ref: false })
    expect(await Promise.race([open.registry.ask(question(), ms), slower])).toBe(outcome)
    registry.fault('none')
    // both ends: the mock is in this process
    await expect.poll(sockets).toBeLessThanOrEqual(before.sockets)
    await expect.poll(timers, { timeout: 5_000 }).toBeLessThanOrEqual(before.timers + 1) // `slower` itself
    // and the next one is served
    expect(await open.registry.ask(question(), 3_000)).toBe('confirmed')
  })
})

test('each failure would leave something behind: memory, a descriptor', async () => {
  const failing = await mock()
  const { registry: asked, close } = await openRegistry(config(failing.url), AGREEMENT, {
    ...hooks,
    breaker: { failuresMax: Number.MAX_SAFE_INTEGER, openMs: 1, tellingMs: 0 },
  })
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const descriptors = async () => (await readdir('/dev/fd')).length
  const bytes = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const failEach = async (times: number) => {
    for (const fault of FAULTS) {
      failing.fault(fault)
      const ms = EXPECTED[fault][1] === 'first' ? 60_000 : 30
      await Promise.all(Array.from({ length: times }, () => asked.ask(question(), ms)))
    }
    failing.fault('none')
    expect(await asked.ask(question(), 60_000)).toBe('confirmed')
  }
  try {
    await failEach(100) // code is compiled, connections are made, the mock's list of calls is full
    const before = { descriptors: await descriptors(), bytes: bytes() }
    await failEach(100)
    await failEach(100)
    await expect.poll(descriptors).toBeLessThanOrEqual(before.descriptors + 2)
    // 2,600 questions: of one that was kept the request's text alone is 1 KB, its signal and promises as much again
    await expect.poll(() => bytes() - before.bytes, { timeout: 5_000 }).toBeLessThan(2_600 * 500)
  } finally {
    await close()
    await failing.close()
  }
})

test('a person whom the registry does not know in that way would be confirmed', async () => {
  const asked = [question({ fullName: 'Nguyễn Văn Ba' }), question({ number: '038090009999' }), question()]
  expect(await Promise.all(asked.map((each) => open.registry.ask(each, 3_000)))).toEqual([
    'notConfirmed',
    'notConfirmed',
    'confirmed',
  ])
})

test('the registry could not keep each call with its officer', async () => {
  const [one, two] = [question({ officer: 'NV-1' }), question({ officer: 'NV-2' })]
  await Promise.all([open.registry.ask(one, 3_000), open.registry.ask(two, 3_000)])
  expect(registry.calls).toEqual(
    expect.arrayContaining([
      { requestId: one.transactionId, officer: 'NV-1' },
      { requestId: two.transactionId, officer: 'NV-2' },
    ]),
  )
})

test('a connection would be made for each question', async () => {
  const before = registry.connections()
  for (let n = 0; n < 5; n++) await open.registry.ask(question(), 3_000)
  expect(registry.connections()).toBe(Math.max(1, before))
})

test('nobody listens: said at once, and said once when the breaker opens', async () => {
  const gone = await mock()
  await gone.close()
  const nobody = await openRegistry(config(gone.url), AGREEMENT, hooks)
  opened.length = 0
  for (let n = 0; n < 12; n++) expect(await nobody.registry.ask(question(), 60_000)).toBe('unavailable')
  expect(nobody.registry.state()).toBe('open')
  expect(opened).toEqual(['RegistryFailure:connection'])
  await nobody.close()
})

test('the breaker over the wire: it opens, nothing leaves, one tries and the others do not wait, and it closes', async () => {
  const failing = await mock()
  const over = await openRegistry(config(failing.url), AGREEMENT, {
    ...hooks,
    breaker: { failuresMax: 3, openMs: 10_000, tellingMs: 0 },
  })
  const ask = (ms = 60_000) => over.registry.ask(question(), ms)
  // its clock alone is ours: sockets and deadlines are as in life
  vi.useFakeTimers({ toFake: ['Date'], now: new Date() })
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms)
  const seen: string[] = []
  const see = (told: RegistryOutcome) => seen.push(`${told}, ${over.registry.state()}, ${failing.calls.length} asked`)
  opened.length = 0
  try {
    see(await ask())
    failing.fault('outage')
    for (let n = 0; n < 3; n++) see(await ask())
    later(9_999)
    see(await ask())
    later(1)
    failing.fault('silent')
    const trying = ask(1_500) // long enough for another one to come meanwhile
    await expect.poll(() => failing.calls.length, { interval: 5 }).toBe(5)
    see(await ask())
    expect(await trying).toBe('unavailable')
    await expect.poll(() => over.registry.state(), { interval: 5 }).toBe('open')
    failing.fault('none')
    see(await ask())
    later(10_000)
    see(await ask())
    expect(seen).toEqual([
      'confirmed, closed, 1 asked',
      'unavailable, closed, 2 asked',
      'unavailable, closed, 3 asked',
      'unavailable, open, 4 asked',
      'unavailable, open, 4 asked',
      'unavailable, halfOpen, 5 asked',
      'unavailable, open, 5 asked',
      'confirmed, closed, 6 asked',
    ])
    expect(opened).toEqual(['RegistryFailure:status', 'RegistryFailure:timeout'])
  } finally {
    vi.useRealTimers()
    await over.close()
    await failing.close()
  }
})

test('a listener that never accepts, a wire that swallows: the deadline holds', async () => {
  // of the documentation's network (RFC 5737): no packet comes back, or none leaves
  const nowhere = await openRegistry(config('https://192.0.2.1/xroad'), AGREEMENT, hooks)
  expect(await nowhere.registry.ask(question(), DEADLINE_MS)).toBe('unavailable')
  await nowhere.close()
})

describe('TLS', () => {
  const files = {
    caFile: fixture('server-ca.pem'),
    certFile: fixture('client-a.pem'),
    keyFile: fixture('client-a.key'),
  }

  test('our certificate is shown, theirs must be of the one authority', async () => {
    const tls = { cert: pem('server.pem'), key: pem('server.key'), ca: pem('client-ca.pem') }
    const secure = await mock({ tls })
    const askOver = async (more: Partial<RegistryConfig>) => {
      const over = await openRegistry(config(secure.url, more), AGREEMENT, hooks)
      return over.registry.ask(question(), 60_000).finally(over.close)
    }
    try {
      expect(await askOver(files)).toBe('confirmed')
      expect(await askOver({ caFile: files.caFile })).toBe('unavailable')
      expect(await askOver({ ...files, caFile: fixture('other-ca.pem') })).toBe('unavailable')
      expect(await askOver({ ...files, caFile: null })).toBe('unavailable')
      const foreign = { certFile: fixture('other-client.pem'), keyFile: fixture('other-client.key') }
      expect(await askOver({ ...files, ...foreign })).toBe('unavailable')
    } finally {
      await secure.close()
    }
  })

  test.each([
    ['that is not there', { caFile: '/nowhere.pem' }, /REGISTRY_CA_FILE: .*ENOENT/],
    ['without a certificate', { caFile: fixture('server.key') }, /holds no certificate/],
    ['of another pair', { ...files, keyFile: fixture('client-b.key') }, /no pair/],
  ])('a file %s is told at the start', async (_, more, why) => {
    await expect(openRegistry(config('https://registry.example/', more), AGREEMENT, hooks)).rejects.toThrow(why)
  })
})

test('the mock: its switch is a request, and it checks what it is sent', async () => {
  const admin = (query: string) => fetch(`http://127.0.0.1:${registry.port}/admin/fault${query}`, { method: 'POST' })
  expect(await (await admin('?fault=outage')).json()).toMatchObject({ fault: 'outage' })
  expect(await open.registry.ask(question(), 3_000)).toBe('unavailable')
  expect(await (await admin('?fault=none')).json()).toMatchObject({ fault: 'none' })
  const stranger = await openRegistry(config(registry.url), { ...AGREEMENT, secret: 'another' }, hooks)
  expect(await stranger.registry.ask(question(), 3_000)).toBe('unavailable')
  await stranger.close()
  const twice = question()
  expect(await open.registry.ask(twice, 3_000)).toBe('confirmed')
  expect(await open.registry.ask(twice, 3_000)).toBe('unavailable')
  // a client that opens and says nothing holds nobody up
  const idle = connect(registry.port, '127.0.0.1')
  expect(await open.registry.ask(question(), 3_000)).toBe('confirmed')
  idle.destroy()
})
