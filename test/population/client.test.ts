import { describe, expect, test, vi } from 'vitest'
import { answerText } from '../../mocks/population-registry/protocol.ts'
import { createRegistry, type RegistryOptions, type RegistryResponse } from '../../src/population/client.ts'
import { AGREEMENT, question } from './questions.ts'

/** How the wire behaves is the test's; the clock too, for the breaker. */
function world(send: RegistryOptions['send'], options: Partial<RegistryOptions> = {}) {
  const seen = { asked: 0, opened: [] as string[] }
  const registry = createRegistry({
    url: 'https://registry.example/xroad',
    agreement: AGREEMENT,
    send,
    now: () => new Date(),
    asked: () => {
      seen.asked++
    },
    opened: (error) => seen.opened.push(error instanceof Error ? error.name : 'none'),
    ...options,
  })
  return { registry, seen }
}

function reply(text: string | Uint8Array[], over: Partial<RegistryResponse> = {}): RegistryResponse {
  const parts = typeof text === 'string' ? [new TextEncoder().encode(text)] : text
  async function* body() {
    yield* parts
  }
  return { status: 200, contentType: 'text/xml; charset=utf-8', body: body(), ...over }
}

const idIn = (body: string) => /<bca:MaYeuCau>(.*?)</.exec(body)?.[1] ?? ''
const confirming: RegistryOptions['send'] = async (_, { body }) => reply(answerText(idIn(body), true))
const failing: RegistryOptions['send'] = async () => {
  throw new Error('no route')
}
/** Ends when it is aborted, as HTTP does. */
const silent: RegistryOptions['send'] = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
/** Does not even hear that. */
const deaf: RegistryOptions['send'] = () => new Promise(() => {})

describe('one attempt', () => {
  test.each([
    ['an answer', confirming, 'confirmed'],
    ['no connection', failing, 'unavailable'],
    ['silence', silent, 'unavailable'],
    ['a wire that hears no signal', deaf, 'unavailable'],
    ['another status', async () => reply('', { status: 302 }), 'unavailable'],
    [
      'the right text under status 500',
      async (_: string, { body }: { body: string }) => reply(answerText(idIn(body), true), { status: 500 }),
      'unavailable',
    ],
    [
      'the right text as a page',
      async (_: string, { body }: { body: string }) =>
        reply(answerText(idIn(body), true), { contentType: 'text/html' }),
      'unavailable',
    ],
    [
      'the right text in another encoding',
      async (_: string, { body }: { body: string }) =>
        reply(answerText(idIn(body), true), { contentType: 'text/xml; charset=iso-8859-1' }),
      'unavailable',
    ],
    ['bytes that are not UTF-8', async () => reply([Uint8Array.of(0x3c, 0xff, 0xfe)]), 'unavailable'],
  ] as const)('%s: asked once, and answered', async (_, send, outcome) => {
    const spy = vi.fn(send)
    const { registry, seen } = world(spy)
    expect(await registry.ask(question(), 300)).toBe(outcome)
    expect(spy).toHaveBeenCalledTimes(1)
    await expect.poll(() => seen.asked).toBe(send === deaf ? 0 : 1)
  })

  test('an answer without end would be read to its end', async () => {
    let read = 0
    let ended = false
    async function* endless() {
      try {
        for (;;) {
          read += 4096
          yield new Uint8Array(4096).fill(0x20)
        }
      } finally {
        ended = true // the host lets go of the connection
      }
    }
    const { registry } = world(async () => reply('', { body: endless() }))
    expect(await registry.ask(question(), 3_000)).toBe('unavailable')
    expect(ended).toBe(true)
    expect(read).toBeLessThanOrEqual(32 * 1024 + 4096)
  })

  test('a timer would outlive the question', async () => {
    const clear = vi.spyOn(globalThis, 'clearTimeout')
    await world(confirming).registry.ask(question(), 3_000)
    expect(clear).toHaveBeenCalledTimes(1)
    clear.mockRestore()
  })
})

describe('the deadline, on a clock of our own: not a millisecond behind it is anybody waiting', () => {
  const never = () => new Promise<never>(() => {})
  const endless: RegistryOptions['send'] = async () =>
    reply('', { body: { [Symbol.asyncIterator]: () => ({ next: never }) } })
  const one = { bulkhead: { runningMax: 1, waitingMax: 10 } }

  test.each([
    ['no answer', silent, {}],
    ['a wire that hears no signal', deaf, {}],
    ['an answer that does not go on', endless, {}],
    ['no place', deaf, one],
  ] as const)('%s', async (_, send, options) => {
    vi.useFakeTimers({ now: new Date('2026-11-24T03:00:00Z') })
    try {
      const { registry } = world(send, options)
      const told: (number | string)[] = []
      const startedMs = Date.now()
      // the second one, of `no place`, waits for the place of the first
      for (let n = 0; n < 2; n++)
        void registry.ask(question(), 3_000).then((word) => told.push(word, Date.now() - startedMs))
      await vi.advanceTimersByTimeAsync(2_999)
      expect(told).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      expect(told).toEqual(['unavailable', 3_000, 'unavailable', 3_000])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the bulkhead', () => {
  test('more would be asked at once than it holds, or a place would be lost', async () => {
    let running = 0
    let most = 0
    const { registry, seen } = world(
      async (url, request) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return confirming(url, request)
      },
      { bulkhead: { runningMax: 2, waitingMax: 10 } },
    )
    const asked = await Promise.all(Array.from({ length: 12 }, () => registry.ask(question(), 3_000)))
    expect({ most, asked: new Set(asked), sent: seen.asked }).toEqual({
      most: 2,
      asked: new Set(['confirmed']),
      sent: 12,
    })
    expect(registry.accepts()).toBe(true)
  })

  test('who finds the queue full, or waits in it past their time, would be sent all the same', async () => {
    const spy = vi.fn(silent)
    const { registry } = world(spy, { bulkhead: { runningMax: 1, waitingMax: 1 } })
    const [held, waited] = [registry.ask(question(), 200), registry.ask(question(), 20)]
    expect(registry.accepts()).toBe(false)
    expect(await registry.ask(question(), 3_000)).toBe('unavailable') // long before its time
    expect(await waited).toBe('unavailable')
    expect(registry.accepts()).toBe(true) // the place in the queue is free again
    expect(await held).toBe('unavailable')
    expect(spy).toHaveBeenCalledTimes(1)
  })

  test('a question would wait longer than its own time behind 200 others', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-24T03:00:00Z') })
    try {
      const { registry, seen } = world(silent)
      const startedMs = Date.now()
      const asked = Array.from({ length: 200 }, async () => [
        await registry.ask(question(), 3_000),
        Date.now() - startedMs,
      ])
      await vi.advanceTimersByTimeAsync(3_000)
      expect(new Set((await Promise.all(asked)).map(String))).toEqual(new Set(['unavailable,3000']))
      expect(seen.asked).toBe(32)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the breaker', () => {
  const limits = { failuresMax: 3, openMs: 10_000, tellingMs: 0 }

  /** Date alone is ours: timers go on. */
  async function withClock(work: (later: (ms: number) => void) => Promise<void>) {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-24T03:00:00Z') })
    try {
      await work((ms) => vi.setSystemTime(Date.now() + ms))
    } finally {
      vi.useRealTimers()
    }
  }

  test('opens, adds nothing while it is open, lets one try, and closes', () =>
    withClock(async (later) => {
      let send = failing
      const spy = vi.fn<RegistryOptions['send']>((...args) => send(...args))
      const { registry, seen } = world(spy, { breaker: limits })
      for (let n = 0; n < 3; n++) await registry.ask(question(), 1_000)
      expect(registry.state()).toBe('open')
      expect(seen.opened).toEqual(['RegistryFailure:connection'])

      later(9_999)
      expect(registry.accepts()).toBe(false)
      expect(await registry.ask(question(), 1_000)).toBe('unavailable')
      expect(spy).toHaveBeenCalledTimes(3)

      // its time has come: one tries, and fails; the others are told at once, and wait for nobody
      later(1)
      expect(registry.accepts()).toBe(true)
      send = silent
      const trying = registry.ask(question(), 50)
      await Promise.resolve()
      expect(registry.state()).toBe('halfOpen')
      expect(registry.accepts()).toBe(false)
      expect(await registry.ask(question(), 60_000)).toBe('unavailable')
      expect(await trying).toBe('unavailable')
      await expect.poll(() => registry.state()).toBe('open')
      expect(spy).toHaveBeenCalledTimes(4)

      later(10_000)
      send = confirming
      expect(await registry.ask(question(), 1_000)).toBe('confirmed')
      expect(registry.state()).toBe('closed')
      expect(seen.opened.length).toBe(2)
    }))

  test('a registry that hangs would be told as a line that is cut', async () => {
    const endless: RegistryOptions['send'] = async (_, { signal }) => {
      const never = new Promise<never>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(Error('cut'))),
      )
      return reply('', { body: { [Symbol.asyncIterator]: () => ({ next: () => never }) } })
    }
    for (const [send, fault] of [
      [silent, 'timeout'],
      [endless, 'timeout'],
      [failing, 'connection'],
    ] as const) {
      const { registry, seen } = world(send, { breaker: { ...limits, failuresMax: 1 } })
      await registry.ask(question(), 200)
      await expect.poll(() => seen.opened).toEqual([`RegistryFailure:${fault}`])
    }
  })

  test('an answer in between would not count, or a refused answer would count as one', async () => {
    const sends = [failing, failing, confirming, failing, async () => reply('<x/>'), failing]
    const { registry } = world((url, request) => (sends.shift() ?? confirming)(url, request), { breaker: limits })
    const states: string[] = []
    for (let n = 0; n < 6; n++) {
      await registry.ask(question(), 1_000)
      states.push(registry.state())
    }
    expect(states).toEqual(['closed', 'closed', 'closed', 'closed', 'closed', 'open'])
  })

  test('callers in a hurry would open it for everybody', async () => {
    const { registry, seen } = world(silent, { breaker: { ...limits, tellingMs: 1_000 } })
    await Promise.all(Array.from({ length: 5 }, () => registry.ask(question(), 200)))
    await expect.poll(() => seen.asked).toBe(5)
    expect(registry.state()).toBe('closed')
  })

  test('the call that tries, in a hurry or not, would close it by its silence', () =>
    withClock(async (later) => {
      let send = failing
      const { registry } = world((...args) => send(...args), { breaker: { ...limits, tellingMs: 60_000 } })
      for (let n = 0; n < 3; n++) await registry.ask(question(), 1_000)
      later(10_000)
      send = silent
      await registry.ask(question(), 5)
      await expect.poll(() => registry.state()).toBe('open')
    }))

  test('with an open breaker a question would first wait for a place', async () => {
    const sends = [silent, failing, failing, failing]
    const { registry } = world((url, request) => (sends.shift() ?? confirming)(url, request), {
      breaker: limits,
      bulkhead: { runningMax: 2, waitingMax: 10 },
    })
    const held = registry.ask(question(), 300)
    for (let n = 0; n < 3; n++) await registry.ask(question(), 1_000)
    expect(registry.state()).toBe('open')
    expect(await Promise.all([1, 2, 3].map(() => registry.ask(question(), 60_000)))).toEqual([
      'unavailable',
      'unavailable',
      'unavailable',
    ])
    await held
  })
})
