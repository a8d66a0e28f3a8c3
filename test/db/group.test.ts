import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { inGroups, QueueFull } from '../../src/db/group.ts'

const WIDE = { itemsMax: 256, waitingMax: 1_024 }

/** A run that waits to be let go, as a statement in flight does. */
function gated<Result>(answer: (items: readonly number[]) => readonly (Result | Error)[]) {
  const runs: {
    readonly items: readonly number[]
    readonly finish: () => void
    readonly fail: (reason: Error) => void
  }[] = []
  return {
    runs,
    run: (items: readonly number[]) =>
      new Promise<readonly (Result | Error)[]>((resolve, reject) => {
        runs.push({ items, finish: () => resolve(answer(items)), fail: reject })
      }),
  }
}

/** Lets everything that is ready happen; no timer is waited for. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

const double = (items: readonly number[]) => items.map((item) => item * 2)

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('who comes in the same turn of the event loop would wait for a second run, or a lone caller for anything but its end', async () => {
  const { runs, run } = gated(double)
  const ask = inGroups(run, WIDE)
  void ask(1)
  await Promise.resolve()
  void ask(2)
  expect(runs).toEqual([])
  await new Promise((resolve) => setImmediate(resolve))
  expect(runs.map((each) => each.items)).toEqual([[1, 2]])
})

test('who arrives while a run is in flight shares the next one, in the order of arrival; each gets its own result', async () => {
  const { runs, run } = gated(double)
  const seen = { running: 0, waiting: 0 }
  const ask = inGroups(run, WIDE, seen)
  const first = ask(1)
  await settle()
  const asked = [first, ...[2, 3, 4, 5].map((item) => ask(item))]
  expect(seen).toEqual({ running: 1, waiting: 4 })
  expect(runs.map((each) => each.items)).toEqual([[1]])
  runs[0]?.finish()
  await settle()
  expect(runs.map((each) => each.items)).toEqual([[1], [2, 3, 4, 5]])
  expect(seen).toEqual({ running: 4, waiting: 0 })
  runs[1]?.finish()
  expect(await Promise.all(asked)).toEqual([2, 4, 6, 8, 10])
  await settle()
  expect(seen).toEqual({ running: 0, waiting: 0 })
})

test('one run is in flight at a time', async () => {
  let inFlight = 0
  let most = 0
  const ask = inGroups(async (items: readonly number[]) => {
    most = Math.max(most, ++inFlight)
    await new Promise((resolve) => setImmediate(resolve))
    inFlight--
    return double(items)
  }, WIDE)
  const asked = []
  for (let i = 0; i < 300; i++) {
    asked.push(ask(i))
    if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(asked)
  expect(most).toBe(1)
})

test('no timer: with the clock stopped all are answered', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
  const ask = inGroups(async (items: readonly number[]) => double(items), WIDE)
  expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([2, 4, 6])
  expect(vi.getTimerCount()).toBe(0)
})

test('the first item of the next crowd starts a run again', async () => {
  const { runs, run } = gated(double)
  const ask = inGroups(run, WIDE)
  const first = ask(1)
  await settle()
  runs[0]?.finish()
  await first
  await settle()
  void ask(2)
  await settle()
  expect(runs.map((each) => each.items)).toEqual([[1], [2]])
})

describe('limits', () => {
  test('a crowd larger than a run is cut, in order', async () => {
    const { runs, run } = gated(double)
    const ask = inGroups(run, { itemsMax: 3, waitingMax: 100 })
    const asked = Array.from({ length: 9 }, (_, i) => ask(i))
    for (let n = 0; n < 3; n++) {
      await settle()
      runs[n]?.finish()
    }
    expect(runs.map((each) => each.items)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ])
    expect(await Promise.all(asked)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16])
  })

  test('who finds the queue full is refused at once, the others are not', async () => {
    const { runs, run } = gated(double)
    const ask = inGroups(run, { itemsMax: 10, waitingMax: 2 })
    const taken = [ask(1)]
    await settle()
    taken.push(ask(2), ask(3)) // one in flight, two waiting
    await expect(ask(4)).rejects.toBeInstanceOf(QueueFull)
    await expect(ask(5)).rejects.toBeInstanceOf(QueueFull)
    runs[0]?.finish()
    await settle()
    // the two that waited are in flight now: there is room again
    const later = [ask(6), ask(7)]
    await expect(ask(8)).rejects.toBeInstanceOf(QueueFull)
    runs[1]?.finish()
    await settle()
    runs[2]?.finish()
    expect(await Promise.all([...taken, ...later])).toEqual([2, 4, 6, 12, 14])
  })
})

describe('failures', () => {
  test('a run that fails rejects exactly its group, with its reason; the next one goes on', async () => {
    const { runs, run } = gated(double)
    const ask = inGroups(run, WIDE)
    const first = ask(1)
    await settle()
    const second = [ask(2), ask(3)]
    const reason = new Error('connection lost')
    runs[0]?.fail(reason)
    await expect(first).rejects.toBe(reason)
    expect(runs.map((each) => each.items)).toEqual([[1], [2, 3]])
    runs[1]?.finish()
    expect(await Promise.all(second)).toEqual([4, 6])
    const third = ask(4)
    await settle()
    runs[2]?.finish()
    expect(await third).toBe(8)
  })

  test('a run that throws before it begins does the same', async () => {
    let throwing = true
    const ask = inGroups((items: readonly number[]) => {
      if (throwing) throw new TypeError('no statement')
      return Promise.resolve(double(items))
    }, WIDE)
    await expect(ask(1)).rejects.toBeInstanceOf(TypeError)
    throwing = false
    expect(await ask(2)).toBe(4)
  })

  test.each([
    ['too few', (items: readonly number[]) => items.slice(1)],
    ['too many', (items: readonly number[]) => [...items, 0]],
    ['none', () => []],
  ])('a run that answers %s of its items answers nobody: no caller gets what is another’s', async (_, answer) => {
    const { runs, run } = gated<number>(answer)
    const ask = inGroups(run, WIDE)
    const asked = [ask(1), ask(2), ask(3)]
    await settle()
    runs[0]?.finish()
    const settled = await Promise.allSettled(asked)
    expect(settled.map((each) => each.status)).toEqual(['rejected', 'rejected', 'rejected'])
    for (const each of settled) {
      if (each.status === 'rejected') expect(each.reason.message).toBe('a run must answer each of its items')
    }
  })

  test('an Error in its place is that caller’s alone', async () => {
    const mine = new Error('mine')
    const { runs, run } = gated<number>((items) => items.map((item) => (item === 3 ? mine : item)))
    const ask = inGroups(run, WIDE)
    const asked = [ask(1), ask(2), ask(3), ask(4)]
    await settle()
    runs[0]?.finish()
    const settled = await Promise.allSettled(asked)
    expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason))).toEqual([1, 2, mine, 4])
  })
})

test('however callers and runs interleave: everybody gets its own answer, in runs of bounded size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
      async (scheduler, itemsMax, fails) => {
        const sizes: number[] = []
        const ask = inGroups(
          (items: readonly number[]) => {
            sizes.push(items.length)
            return scheduler.schedule(Promise.resolve(items.map((item) => (fails[item] ? new Error(`${item}`) : item))))
          },
          { itemsMax, waitingMax: 100 },
        )
        const asked = fails.map(async (_, item) => {
          await scheduler.schedule(Promise.resolve())
          return ask(item)
        })
        const settled = Promise.allSettled(asked)
        await scheduler.waitFor(settled)
        ;(await settled).forEach((each, item) => {
          if (fails[item]) expect(each).toMatchObject({ status: 'rejected', reason: new Error(`${item}`) })
          else expect(each).toEqual({ status: 'fulfilled', value: item })
        })
        expect(Math.max(...sizes)).toBeLessThanOrEqual(itemsMax)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(fails.length)
      },
    ),
    { seed: 38, numRuns: 200 },
  )
})
