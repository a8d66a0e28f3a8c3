import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leafHash } from '../../src/audit/entry.ts'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { type DataKeys, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { ageKey, asked, deed, eraseDetails, logState } from '../support/log.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let sql: Sql
let keys: DataKeys

beforeAll(async () => {
  world = await createWorld([])
  sql = connect(world.appUrl, { connectionsMax: 2, statementTimeoutMs: 10_000, applicationName: 'model' })
  keys = deriveDataKeys(world.dataKeys)
})

afterAll(async () => {
  await sql?.end()
  await world?.close()
})

interface Asked {
  readonly key: number | null
  readonly request: number
}

type Step =
  | { readonly do: 'append'; readonly rows: readonly Asked[] }
  /** The key's 14 days pass. */
  | { readonly do: 'age'; readonly key: number }
  | { readonly do: 'erase'; readonly key: number }

const KEYS_MAX = 4
const key = fc.integer({ min: 0, max: KEYS_MAX })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      rows: fc.array(fc.record({ key: fc.option(key, { freq: 5 }), request: fc.integer({ min: 0, max: 1 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('age' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), key }) },
)

/** The log as one would write it in memory. */
class Model {
  readonly entries: string[] = []
  readonly #held = new Map<number, { request: number; index: number; details: string | null; free: boolean }>()
  readonly #first: number

  constructor(first: number) {
    this.#first = first
  }

  append(rows: readonly Asked[], details: readonly string[]): unknown[] {
    const appended = rows.map((row, n) => {
      const holder = row.key === null ? undefined : this.#held.get(row.key)
      if (holder !== undefined && !holder.free) return null
      const index = this.#first + this.entries.push(details[n] ?? '') - 1
      if (row.key !== null) {
        this.#held.set(row.key, { request: row.request, index, details: details[n] ?? '', free: false })
      }
      return { outcome: 'appended', logId: 1, index }
    })
    return rows.map((row, n) => appended[n] ?? this.#repeat(row))
  }

  age(of: number): void {
    const holder = this.#held.get(of)
    if (holder !== undefined) holder.free = true
  }

  erase(of: number): void {
    const holder = this.#held.get(of)
    if (holder !== undefined) holder.details = null
  }

  #repeat(row: Asked): unknown {
    const holder = row.key === null ? undefined : this.#held.get(row.key)
    if (holder === undefined) throw new Error('a row without a key is always appended')
    if (holder.request !== row.request) return { outcome: 'keyTakenByAnotherRequest' }
    if (holder.details === null) return { outcome: 'repeatedButErased' }
    return { outcome: 'repeated', logId: 1, index: holder.index, details: holder.details }
  }
}

test('any sequence of batches, ageing and erasing gives what a map in memory gives', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      run++
      const nameOf = (of: number) => `run ${run} key ${of}`
      const digestOf = (of: number) => prepare(keys, asked(nameOf(of))).idempotencyKey ?? ''
      const first = (await logState(world.owner)).size
      const model = new Model(first)
      for (const each of steps) {
        if (each.do === 'age') {
          model.age(each.key)
          await ageKey(world.owner, digestOf(each.key), '14 days 1 second')
        } else if (each.do === 'erase') {
          model.erase(each.key)
          await eraseDetails(world.owner, digestOf(each.key))
        } else {
          const made = each.rows.map((row) =>
            row.key === null ? deed() : asked(nameOf(row.key), `request ${row.request}`),
          )
          const outcomes = await appendBatch(
            sql,
            keys,
            made.map((one) => prepare(keys, one)),
          )
          const expected = model.append(
            each.rows,
            made.map((one) => one.details),
          )
          expect(outcomes.map(withoutHash)).toEqual(expected)
        }
      }
      const state = await logState(world.owner)
      expect(state).toMatchObject({ size: first + model.entries.length, entries: state.size, dense: true })
      expect(state).toMatchObject({ wrongLeafHashes: 0, detailsOfNothing: 0 })
    }),
    { numRuns: 120 },
  )
})

function withoutHash(outcome: object): object {
  const { leafHash: _hash, ...rest } = outcome as { leafHash?: unknown }
  return rest
}

test('whatever an outcome says, the body is stored byte for byte: quotes, escapes, any Unicode', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), async (texts) => {
      const rows = texts.map((text) => prepare(keys, deed({ outcome: { code: text, [text]: 1 }, details: text })))
      const outcomes = await appendBatch(sql, keys, rows)
      const first = outcomes[0] && 'index' in outcomes[0] ? outcomes[0].index : -1
      const stored = await world.owner<{ body: string; leaf_hash: Buffer }[]>`
        select body, leaf_hash from log_entry where leaf_index >= ${first} order by leaf_index`
      expect(stored.map((each) => each.body)).toEqual(rows.map((row) => row.body))
      for (const each of stored) expect(Buffer.from(each.leaf_hash).toString('base64')).toBe(leafHash(each.body))
    }),
    { numRuns: 60 },
  )
})
