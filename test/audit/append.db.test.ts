import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commitment, leafHash } from '../../src/audit/entry.ts'
import { appendBatch, type Deed, openDetails, prepare } from '../../src/audit/log.ts'
import { pruneIdempotency } from '../../src/audit/store.ts'
import { type DataKeys, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { ageKey, asked, deed, deeds, eraseDetails, logState, sound } from '../support/log.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let sql: Sql
let other: Sql
let keys: DataKeys
let size = 0

beforeAll(async () => {
  world = await createWorld([])
  const options = { connectionsMax: 2, statementTimeoutMs: 10_000, applicationName: 'append' }
  sql = connect(world.appUrl, options)
  other = connect(world.appUrl, options)
  keys = deriveDataKeys(world.dataKeys)
})

afterAll(async () => {
  await Promise.all([sql?.end(), other?.end()])
  await world?.close()
})

function append(batch: readonly Deed[], on = sql) {
  return appendBatch(
    on,
    keys,
    batch.map((each) => prepare(keys, each)),
  )
}

/** Appends something new; everything that the suite appends is counted here. */
async function grow(batch: readonly Deed[]): Promise<number[]> {
  const expected = batch.map((_, n) => size + n)
  expect(await append(batch)).toEqual(expected.map((index) => ({ outcome: 'appended', logId: 1, index })))
  size += batch.length
  return expected
}

function digestOf(key: string, client = 'facility:38001'): string {
  return prepare(keys, asked(key, '', { client })).idempotencyKey ?? ''
}

describe('a batch', () => {
  test.each([1, 16, 64, 256])('of %i is one transaction: no reader can see a part of it', async (count) => {
    const first = size
    await grow(Array.from({ length: count }, (_, n) => (n % 2 === 0 ? deed() : asked(`batch of ${count}, ${n}`))))
    const transactions = await world.owner<{ xmin: string }[]>`
      select distinct xmin::text from (
        select xmin from log_entry where leaf_index >= ${first}
        union all select xmin from entry_detail where leaf_index >= ${first}
        union all select xmin from log_head
        union all select i.xmin from idempotency i
                    join entry_detail d on d.idempotency_key = i.key and d.leaf_index >= ${first}) as written`
    expect(transactions).toHaveLength(1)
    expect(await logState(world.owner)).toEqual(sound(size))
  })

  test('stands in the log in its own order, each entry as it was built', async () => {
    const batch = deeds(40)
    const rows = batch.map((each) => prepare(keys, each))
    const first = size
    await appendBatch(sql, keys, rows)
    size += rows.length
    const stored = await world.owner<
      { body: string; leaf_hash: Buffer; salt: Buffer; sealed: Buffer; subject: string; client: string }[]
    >`
      select body, leaf_hash, salt, sealed, subject, client from log_entry join entry_detail using (log_id, leaf_index)
       where leaf_index >= ${first} order by leaf_index`
    expect(stored.map((each) => each.body)).toEqual(rows.map((row) => row.body))
    stored.forEach((each, n) => {
      const { details, client, subject } = batch[n] as Deed
      expect(Buffer.from(each.leaf_hash).toString('base64')).toBe(leafHash(each.body))
      expect(each.client).toBe(client)
      expect(each.subject.replaceAll('-', '')).toBe(subject)
      expect(openDetails(keys, each.subject, each.sealed)).toBe(details)
      expect(JSON.parse(each.body).details).toBe(commitment(each.salt, details))
    })
  })

  test('a deed about nobody has no subject, and its details open all the same', async () => {
    const [index] = await grow([deed({ subject: null, kind: 'auditRead', facility: null, details: 'a list' })])
    const [detail] = await world.owner<{ subject: string | null; sealed: Buffer }[]>`
      select subject, sealed from entry_detail where leaf_index = ${index ?? -1}`
    expect(detail?.subject).toBeNull()
    expect(openDetails(keys, null, detail?.sealed ?? Buffer.of())).toBe('a list')
  })
})

describe('a repeated request', () => {
  test('reads exactly what the first one was answered, and the log does not grow', async () => {
    const first = asked('repeated')
    const row = prepare(keys, first)
    expect(await appendBatch(sql, keys, [row])).toEqual([{ outcome: 'appended', logId: 1, index: size }])
    size++
    const again = { outcome: 'repeated', index: size - 1, details: first.details }
    const [repeated] = await append([asked('repeated')], other)
    expect(repeated).toMatchObject(again)
    expect(repeated).toHaveProperty('leafHash', Buffer.from(row.leafHash, 'base64'))
    expect(await logState(world.owner)).toEqual(sound(size))
  })

  test('in one batch with the first is one entry', async () => {
    const [first, second, third] = [asked('twice'), asked('twice'), asked('twice', 'another request')]
    expect(await append([deed(), first, second, deed(), third])).toMatchObject([
      { outcome: 'appended', logId: 1, index: size },
      { outcome: 'appended', logId: 1, index: size + 1 },
      { outcome: 'repeated', index: size + 1, details: first.details },
      { outcome: 'appended', logId: 1, index: size + 2 },
      { outcome: 'keyTakenByAnotherRequest' },
    ])
    size += 3
    expect(await logState(world.owner)).toEqual(sound(size))
  })

  test('at the same moment is one entry', async () => {
    for (let n = 0; n < 20; n++) {
      const pair = [asked(`at once ${n}`), asked(`at once ${n}`)] as const
      const outcomes = (await Promise.all([append([pair[0]], sql), append([pair[1]], other)])).flat()
      const winner = outcomes.findIndex((each) => 'outcome' in each && each.outcome === 'appended')
      expect(outcomes[winner]).toEqual({ outcome: 'appended', logId: 1, index: size })
      expect(outcomes[1 - winner]).toMatchObject({ outcome: 'repeated', index: size, details: pair[winner]?.details })
      size++
    }
    expect(await logState(world.owner)).toEqual(sound(size))
  })

  test('of another client under the same key is another request', async () => {
    await grow([asked('mine and yours')])
    await grow([asked('mine and yours', 'the same request', { client: 'facility:38002', facility: '38002' })])
  })

  test('with other bytes is refused, whoever comes first in its batch', async () => {
    await grow([asked('taken', 'request a')])
    expect(await append([asked('taken', 'request b'), asked('taken', 'request a')])).toMatchObject([
      { outcome: 'keyTakenByAnotherRequest' },
      { outcome: 'repeated', index: size - 1 },
    ])
  })

  test('whose details were erased is told so and appends nothing', async () => {
    await grow([asked('erased')])
    await eraseDetails(world.owner, digestOf('erased'))
    expect(await append([asked('erased'), asked('erased', 'another')])).toEqual([
      { outcome: 'repeatedButErased' },
      { outcome: 'keyTakenByAnotherRequest' },
    ])
    expect(await logState(world.owner)).toEqual({ ...sound(size), withoutDetails: 1 })
    await world.owner`
      insert into entry_detail (log_id, leaf_index, client, salt, sealed)
      select 1, leaf_index, 'nobody', '', '' from log_entry e
       where not exists (select from entry_detail d where d.leaf_index = e.leaf_index)`
  })
})

describe('a key', () => {
  test('is held for 14 days, not a minute less', async () => {
    await grow([asked('nearly 14 days')])
    await ageKey(world.owner, digestOf('nearly 14 days'), '13 days 23 hours 59 minutes')
    expect(await append([asked('nearly 14 days')])).toMatchObject([{ outcome: 'repeated', index: size - 1 }])
  })

  test('is free after 14 days: a new entry, the old one stays, and from then on the new one answers', async () => {
    const old = asked('14 days')
    const [oldIndex] = await grow([old])
    await ageKey(world.owner, digestOf('14 days'), '14 days 1 second')
    const fresh = asked('14 days', 'another request')
    const [freshIndex] = await grow([fresh])
    expect(await append([asked('14 days', 'another request'), asked('14 days')])).toMatchObject([
      { outcome: 'repeated', index: freshIndex, details: fresh.details },
      { outcome: 'keyTakenByAnotherRequest' },
    ])
    const [kept] = await world.owner<{ subject: string; sealed: Buffer }[]>`
      select subject, sealed from entry_detail where leaf_index = ${oldIndex ?? -1}`
    expect(openDetails(keys, kept?.subject ?? null, kept?.sealed ?? Buffer.of())).toBe(old.details)
  })

  test('that is free again goes to one of two who want it at the same moment', async () => {
    for (let n = 0; n < 10; n++) {
      await grow([asked(`free again ${n}`)])
      await ageKey(world.owner, digestOf(`free again ${n}`), '15 days')
      const wanted = [asked(`free again ${n}`), asked(`free again ${n}`)] as const
      const outcomes = (await Promise.all([append([wanted[0]], sql), append([wanted[1]], other)])).flat()
      expect(outcomes).toContainEqual({ outcome: 'appended', logId: 1, index: size })
      expect(outcomes).toContainEqual(expect.objectContaining({ outcome: 'repeated', index: size }))
      size++
    }
  })

  test('is swept once it is free, and never before', async () => {
    await grow([asked('swept'), asked('kept')])
    await ageKey(world.owner, digestOf('swept'), '15 days')
    await ageKey(world.owner, digestOf('kept'), '13 days')
    expect(await pruneIdempotency(sql)).toBe(1)
    await grow([asked('swept')])
    expect(await append([asked('kept')])).toMatchObject([{ outcome: 'repeated' }])
  })
})
