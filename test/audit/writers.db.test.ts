import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import type { AppendReport, AppendWork, Reported } from '../support/append-process.ts'
import { asked, deeds, logState, sound } from '../support/log.ts'
import { shuffled } from '../support/random.ts'
import { createWorld, type World } from '../support/service.ts'

/** Several writers on one log: instances of the service, each with its own connections or its own process. */

let world: World

beforeEach(async () => {
  world = await createWorld([])
})

afterEach(() => world?.close())

test('writers that wait for one another at the head each take a range of their own', async () => {
  const WRITERS = 20
  const BATCHES = 50
  const keys = deriveDataKeys(world.dataKeys)
  const random = seeded(20)
  const ranges = await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      const sql = connect(world.appUrl, { connectionsMax: 1, statementTimeoutMs: 20_000, applicationName: 'writer' })
      const taken: number[][] = []
      for (let n = 0; n < BATCHES; n++) {
        const rows = deeds(1 + Math.floor(random() * 8)).map((each) => prepare(keys, each))
        const outcomes = await appendBatch(sql, keys, rows)
        taken.push(outcomes.map((each) => ('outcome' in each && each.outcome === 'appended' ? each.index : -1)))
      }
      await sql.end()
      return taken
    }),
  )
  for (const range of ranges.flat()) expect(range).toEqual(range.map((_, n) => (range[0] ?? -1) + n))
  // a writer's own batches follow one another
  for (const taken of ranges) expect(taken.flat()).toEqual(taken.flat().toSorted((a, b) => a - b))
  const indexes = ranges.flat(2).toSorted((a, b) => a - b)
  expect(indexes).toEqual(indexes.map((_, n) => n))
  expect(await logState(world.owner)).toEqual(sound(indexes.length))
})

test('writers that want the same keys at the same moment, each in another order, never stop one another', async () => {
  const ROUNDS = 40
  const WRITERS = 3
  const KEYS = 80
  const keys = deriveDataKeys(world.dataKeys)
  const random = seeded(40)
  const writers = Array.from({ length: WRITERS }, () =>
    connect(world.appUrl, { connectionsMax: 1, statementTimeoutMs: 20_000, applicationName: 'writer' }),
  )
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: KEYS }, (_, n) => `round ${round} key ${n}`)
    const batches = writers.map(() => shuffled(names, random).map((name) => prepare(keys, asked(name))))
    const outcomes = await Promise.all(writers.map((sql, w) => appendBatch(sql, keys, batches[w] ?? [])))
    expect(outcomes.flat().filter((each) => 'outcome' in each && each.outcome === 'appended')).toHaveLength(KEYS)
    expect(outcomes.flat().filter((each) => 'outcome' in each && each.outcome === 'repeated')).toHaveLength(
      KEYS * (WRITERS - 1),
    )
  }
  await Promise.all(writers.map((sql) => sql.end()))
  expect(await logState(world.owner)).toEqual(sound(ROUNDS * KEYS))
  await expectNoDeadlocks()
})

test.each([2, 4])('%i processes that append the same keys in other orders agree on every one', async (processes) => {
  const SHARED = Array.from({ length: 120 }, (_, n) => `shared ${n}`)
  const random = seeded(processes)
  const reports = await Promise.all(
    Array.from({ length: processes }, async (_, p) => {
      const own = Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? null : `own ${p} ${n}`))
      // every shared key is asked for twice by each process: often while another is at it
      const order = shuffled([...SHARED, ...SHARED, ...own], random)
      return appendInProcess({
        url: world.appUrl,
        dataKeys: world.dataKeys,
        batches: inBatches(order, () => 1 + Math.floor(random() * 24)),
      })
    }),
  )
  const all = reports.flat()
  const entries = SHARED.length + processes * 60
  expect(await logState(world.owner)).toEqual(sound(entries))

  const winners = all.filter((each) => each.outcome === 'appended')
  expect(winners.map((each) => each.index).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(
    Array.from({ length: entries }, (_, n) => n),
  )
  const hashes = await world.owner<{ leaf_index: number; leaf_hash: Buffer }[]>`
    select leaf_index, leaf_hash from log_entry`
  const hashOf = new Map(hashes.map((each) => [each.leaf_index, each.leaf_hash.toString('base64')]))
  for (const key of SHARED) {
    const [winner, ...others] = winners.filter((each) => each.key === key)
    expect(others).toEqual([])
    const losers = all.filter((each) => each.key === key && each !== winner)
    expect(losers).toHaveLength(2 * processes - 1)
    for (const loser of losers) {
      expect(loser).toMatchObject({ outcome: 'repeated', index: winner?.index, answered: winner?.details })
      expect(loser.leafHash).toBe(hashOf.get(loser.index ?? -1))
    }
  }
  await expectNoDeadlocks()
})

/** Not even one that was retried: keys are claimed in one order. */
async function expectNoDeadlocks(): Promise<void> {
  const [{ deadlocks } = { deadlocks: -1 }] = await world.owner<{ deadlocks: number }[]>`
    select deadlocks from pg_stat_database where datname = current_database()`
  expect(deadlocks).toBe(0)
}

const PROCESS = fileURLToPath(new URL('../support/append-process.ts', import.meta.url))

async function appendInProcess(work: AppendWork): Promise<Reported[]> {
  const child = fork(PROCESS)
  try {
    child.send(work)
    const [report] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => [{ ok: false, why: `ended with ${code}` }]),
    ])) as [AppendReport]
    if (!report.ok) throw new Error(report.why)
    return report.deeds
  } finally {
    child.kill('SIGKILL')
  }
}

function inBatches<T>(items: readonly T[], size: () => number): T[][] {
  const batches: T[][] = []
  for (let at = 0; at < items.length; ) {
    const count = size()
    batches.push(items.slice(at, at + count))
    at += count
  }
  return batches
}
