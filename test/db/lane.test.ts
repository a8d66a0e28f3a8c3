import { expect, test } from 'vitest'
import { QueueFull } from '../../src/db/group.ts'
import { createLane } from '../../src/db/lane.ts'

/** Works that wait to be let go; `begun` says which have started. */
function gates() {
  const begun: number[] = []
  const ends = new Map<number, { resolve: (n: number) => void; reject: (reason: Error) => void }>()
  return {
    begun,
    work: (n: number) => () => {
      begun.push(n)
      return new Promise<number>((resolve, reject) => ends.set(n, { resolve, reject }))
    },
    end: (n: number) => ends.get(n)?.resolve(n),
    fail: (n: number, reason: Error) => ends.get(n)?.reject(reason),
  }
}

/** Lets everything that is ready happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

test('so many run at once, the others wait in the order they came', async () => {
  const { begun, work, end } = gates()
  const enter = createLane({ runningMax: 2, waitingMax: 8 })
  const entered = [1, 2, 3, 4, 5].map((n) => enter(work(n)))
  await settle()
  expect(begun).toEqual([1, 2])
  end(2)
  await settle()
  expect(begun).toEqual([1, 2, 3])
  end(1)
  end(3)
  await settle()
  expect(begun).toEqual([1, 2, 3, 4, 5])
  end(4)
  end(5)
  expect(await Promise.all(entered)).toEqual([1, 2, 3, 4, 5])
})

test('who finds it full is refused at once, and has not begun; later there is room again', async () => {
  const { begun, work, end } = gates()
  const seen = { running: 0, waiting: 0 }
  const enter = createLane({ runningMax: 1, waitingMax: 2 }, seen)
  const entered = [1, 2, 3].map((n) => enter(work(n)))
  await expect(enter(work(4))).rejects.toBeInstanceOf(QueueFull)
  expect(seen).toEqual({ running: 1, waiting: 2 })
  end(1)
  await settle()
  entered.push(enter(work(5)))
  await expect(enter(work(6))).rejects.toBeInstanceOf(QueueFull)
  for (const n of [2, 3, 5]) {
    end(n)
    await settle()
  }
  expect(begun).toEqual([1, 2, 3, 5])
  expect(await Promise.all(entered)).toEqual([1, 2, 3, 5])
  expect(seen).toEqual({ running: 0, waiting: 0 })
})

test('a work that fails, or throws before it begins, gives its place to the next', async () => {
  const { begun, work, end, fail } = gates()
  const enter = createLane({ runningMax: 1, waitingMax: 2 })
  const reason = new Error('mine')
  const first = enter(work(1))
  const second = enter(() => {
    throw reason
  })
  const third = enter(work(3))
  await settle()
  fail(1, reason)
  await expect(first).rejects.toBe(reason)
  await expect(second).rejects.toBe(reason)
  await settle()
  expect(begun).toEqual([1, 3])
  end(3)
  expect(await third).toBe(3)
})

test('nobody overtakes: who comes while a place is handed over waits too', async () => {
  const { begun, work, end } = gates()
  const enter = createLane({ runningMax: 1, waitingMax: 2 })
  const entered = [enter(work(1)), enter(work(2))]
  end(1)
  await entered[0]
  entered.push(enter(work(3)))
  await settle()
  expect(begun).toEqual([1, 2])
  end(2)
  await settle()
  end(3)
  await Promise.all(entered)
})
